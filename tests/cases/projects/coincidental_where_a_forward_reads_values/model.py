import torch
from torch import nn


class Router(nn.Module):
    def __init__(self, channels=24, inner=24, classes=3):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.gates = nn.ModuleList()
        self.outs = nn.ModuleList()
        for _ in range(2):
            self.gates.append(nn.Conv2d(channels, inner, 1))
            self.outs.append(nn.Conv2d(inner, channels, 1))
        self.head = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.stem(x)
        for gate, out in zip(self.gates, self.outs):
            if float(x.abs().mean()) > 1e-6:
                x = x + out(torch.relu(gate(x)))
        return self.head(x.mean((2, 3)))
