# flags: cbam --after model.units.*.norm
import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, inputs, outputs, last=False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.drop = None if last else nn.Dropout(0.1)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu()
        if self.drop is not None:
            x = self.drop(x)
        return x


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.units = nn.ModuleList()
        before = 3
        for number, width in enumerate(widths):
            self.units.append(Unit(before, width, number == len(widths) - 1))
            before = width
        self.head = nn.Linear(before, 5)

    def forward(self, x):
        for unit in self.units:
            x = unit(x)
        return self.head(x.mean((2, 3)))


def small():
    return Net([8, 16])


def large():
    return Net([8, 16, 24, 32])
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Unit(nn.Module):
    def __init__(self, inputs, outputs, last=False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.norm_cbam = nn.Identity()
        self.drop = None if last else nn.Dropout(0.1)

    def forward(self, x):
        x = self.norm_cbam(self.norm(self.conv(x))).relu()
        if self.drop is not None:
            x = self.drop(x)
        return x


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.units = nn.ModuleList()
        before = 3
        for number, width in enumerate(widths):
            self.units.append(Unit(before, width, number == len(widths) - 1))
            before = width
        for layer in self.units:
            layer.norm_cbam = CBAM(channels=layer.norm.num_features)
        self.head = nn.Linear(before, 5)

    def forward(self, x):
        for unit in self.units:
            x = unit(x)
        return self.head(x.mean((2, 3)))


def small():
    return Net([8, 16])


def large():
    return Net([8, 16, 24, 32])
