# flags: eca --after model.py::Net.layers.* --build Net(16,3)
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 1)
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(depth))

    def forward(self, x):
        x = self.stem(x)
        for k in range(len(self.layers)):
            x = x + self.layers[k](x)
        return x
# output
import torch.nn as nn
from blocks.eca import ECA


class Net(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 1)
        self.layers = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(depth))
        self.layers_eca = nn.ModuleList([ECA(channels=width) for _ in self.layers])

    def forward(self, x):
        x = self.stem(x)
        for k in range(len(self.layers)):
            x = x + self.layers_eca[k](self.layers[k](x))
        return x
