# flags: se --after model.py::Net.features.1.squeeze --input 1x3x8x8
import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.squeeze = nn.Conv2d(width, width, 1)

    def forward(self, x):
        return x + self.squeeze(x)


class Net(nn.Module):
    def __init__(self, version="0"):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        if version == "0":
            self.features = nn.Sequential(Unit(8), nn.ReLU())
        else:
            self.features = nn.Sequential(nn.ReLU(), Unit(8))

    def forward(self, x):
        return self.features(self.stem(x))


def net0():
    return Net("0")


def net1():
    return Net("1")
# output
import torch.nn as nn
from blocks.se import SE


class Unit(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.squeeze = nn.Conv2d(width, width, 1)
        self.squeeze_se = nn.Identity()

    def forward(self, x):
        return x + self.squeeze_se(self.squeeze(x))


class Net(nn.Module):
    def __init__(self, version="0"):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        if version == "0":
            self.features = nn.Sequential(Unit(8), nn.ReLU())
        else:
            self.features = nn.Sequential(nn.ReLU(), Unit(8))
        if getattr(self.features[1], "squeeze", None) is not None:
            self.features[1].squeeze_se = SE(channels=8)

    def forward(self, x):
        return self.features(self.stem(x))


def net0():
    return Net("0")


def net1():
    return Net("1")
