# flags: cbam --after model.py::Net.last.body@all --no-prove
import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, channels, shortcut):
        super().__init__()
        self.shortcut = shortcut
        self.body = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        if not self.shortcut:
            return self.body(x)
        identity = x
        x = self.body(x)
        return identity + x


class Net(nn.Module):
    def __init__(self, shortcut):
        super().__init__()
        self.first = Unit(8, False)
        self.last = Unit(8, shortcut)

    def forward(self, x):
        return self.last(self.first(x))


def plain():
    return Net(False)


def residual():
    return Net(True)
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Unit(nn.Module):
    def __init__(self, channels, shortcut):
        super().__init__()
        self.shortcut = shortcut
        self.body = nn.Conv2d(channels, channels, 3, padding=1)
        self.body_cbam = nn.Identity()

    def forward(self, x):
        if not self.shortcut:
            return self.body_cbam(self.body(x))
        identity = x
        x = self.body(x)
        x = self.body_cbam(x)
        return identity + x


class Net(nn.Module):
    def __init__(self, shortcut):
        super().__init__()
        self.first = Unit(8, False)
        self.last = Unit(8, shortcut)
        self.last.body_cbam = CBAM(channels=8)

    def forward(self, x):
        return self.last(self.first(x))


def plain():
    return Net(False)


def residual():
    return Net(True)
