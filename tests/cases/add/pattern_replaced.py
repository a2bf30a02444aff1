# flags: ghost --replace model.units.*.conv
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
from blocks.ghost import GhostModule


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
        for layer in self.units:
            layer.conv = GhostModule(
                in_channels=layer.conv.in_channels,
                out_channels=layer.conv.out_channels,
                kernel_size=layer.conv.kernel_size[0],
            )
        self.head = nn.Linear(before, 5)

    def forward(self, x):
        for unit in self.units:
            x = unit(x)
        return self.head(x.mean((2, 3)))


def small():
    return Net([8, 16])


def large():
    return Net([8, 16, 24, 32])
