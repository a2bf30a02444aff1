# flags: se --after model.py::Net.one.shared@all --input 1x3x8x8
import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, width, shared):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 1)
        self.shared = shared

    def forward(self, x):
        x = self.conv(x)
        return x + self.shared(x)


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        shared = nn.Conv2d(width, width, 3, padding=1)
        self.one = Unit(width, shared)
        self.two = Unit(width, shared)
        self.three = Unit(width, nn.Conv2d(width, width, 1))

    def forward(self, x):
        x = self.stem(x)
        return self.three(self.two(self.one(x)))
# output
import torch.nn as nn
from blocks.se import SE


class Unit(nn.Module):
    def __init__(self, width, shared):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 1)
        self.shared = shared

    def forward(self, x):
        x = self.conv(x)
        return x + (
            self.shared.se(self.shared(x))
            if hasattr(self.shared, "se")
            else self.shared(x)
        )


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        shared = nn.Conv2d(width, width, 3, padding=1)
        self.one = Unit(width, shared)
        self.one.shared.se = SE(channels=width)
        self.two = Unit(width, shared)
        self.three = Unit(width, nn.Conv2d(width, width, 1))

    def forward(self, x):
        x = self.stem(x)
        return self.three(self.two(self.one(x)))
