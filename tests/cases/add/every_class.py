# flags: se --every nn.Conv2d --where kernel_size=3 --after model
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 1)

    def forward(self, x):
        y = self.conv1(x)
        return x + self.conv2(y)


class Net(nn.Module):
    def __init__(self, width=8, depth=2):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])

    def forward(self, x):
        x = self.stem(x)
        return self.blocks(x)


def small():
    return Net(8, 2)


def large():
    return Net(16, 3)
# output
import torch.nn as nn
from blocks.se import SE


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv1_se = SE(channels=width)
        self.conv2 = nn.Conv2d(width, width, 1)

    def forward(self, x):
        y = self.conv1(x)
        y = self.conv1_se(y)
        return x + self.conv2(y)


class Net(nn.Module):
    def __init__(self, width=8, depth=2):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.stem_se = SE(channels=width)
        self.blocks = nn.Sequential(*[Block(width) for _ in range(depth)])

    def forward(self, x):
        x = self.stem(x)
        x = self.stem_se(x)
        return self.blocks(x)


def small():
    return Net(8, 2)


def large():
    return Net(16, 3)
