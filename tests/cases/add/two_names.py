# flags: cbam --after model.second.norm
import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.ReLU()
        self.every = nn.Sequential(self.conv, self.norm, self.act)

    def forward(self, x):
        return self.every(x)


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first = Unit(3, width)
        self.second = Unit(width, width * 2)
        self.head = nn.Linear(width * 2, 5)

    def forward(self, x):
        x = self.first(x)
        x = self.second(x)
        return self.head(x.mean((2, 3)))
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Unit(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.norm_cbam = nn.Identity()
        self.act = nn.ReLU()
        self.every = nn.Sequential(self.conv, self.norm, self.act)

    def forward(self, x):
        return self.every[2:](self.norm_cbam(self.every[:2](x)))


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.first = Unit(3, width)
        self.second = Unit(width, width * 2)
        self.second.norm_cbam = CBAM(channels=width * 2)
        self.head = nn.Linear(width * 2, 5)

    def forward(self, x):
        x = self.first(x)
        x = self.second(x)
        return self.head(x.mean((2, 3)))
