# flags: se --after model.py::Net.blocks.1.conv --fuse add --gate
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        return x.relu()


class Net(nn.Module):
    def __init__(self, width=8, depth=4):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.features = nn.Sequential(Block(width), Block(width), nn.ReLU())

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.features(x)


def net():
    return Net()
# output
from torch import nn
import torch
from blocks.se import SE


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.conv_se = None

    def forward(self, x):
        x = self.conv(x)
        if self.conv_se is not None:
            x = x + self.conv_se_gate * self.conv_se(x)
        return x.relu()


class Net(nn.Module):
    def __init__(self, width=8, depth=4):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        if len(self.blocks) > 1:
            self.blocks[1].conv_se = SE(channels=width)
            self.blocks[1].conv_se_gate = nn.Parameter(torch.zeros(1))
        self.features = nn.Sequential(Block(width), Block(width), nn.ReLU())

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.features(x)


def net():
    return Net()
