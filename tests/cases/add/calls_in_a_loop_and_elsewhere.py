# flags: se --after model.relu@all --input 1x3x8x8
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.stem(x)
        out = x
        for block in self.blocks:
            x = self.relu(block(x))
            out = out + x
        return self.relu(out)
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(3))
        self.relu = nn.ReLU()
        self.relu_se = SE(channels=8)

    def forward(self, x):
        x = self.stem(x)
        out = x
        for block in self.blocks:
            x = self.relu(block(x))
            x = self.relu_se(x)
            out = out + x
        return self.relu_se(self.relu(out))
