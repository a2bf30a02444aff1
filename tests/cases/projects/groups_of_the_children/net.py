import torch
from torch import nn


class Stem(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, 2, 1)

    def forward(self, x):
        return self.conv(x).relu()

    def groups(self):
        return [self.conv.weight], [self.conv.bias]


class Head(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.out = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        return self.out(x)

    def groups(self):
        return [self.out.weight], [self.out.bias]


class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.stem = Stem(16)
        self.head = Head(16, classes)

    def forward(self, x):
        return self.head(self.stem(x))

    def groups(self):
        decay, plain = [], []
        for child in self.children():
            d, p = child.groups()
            decay += d
            plain += p
        return decay, plain
