# flags: se --beside model.act --fuse add
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        x = self.act(self.norm(self.conv(x)))
        return self.head(x)
# output
import torch
from torch import nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)
        self.act_se = SE(channels=width)
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        x = self.act((fed := self.norm(self.conv(x))).clone()) + self.act_se(fed)
        return self.head(x)
