# flags: aff --after model.act --with model.norm
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
from blocks.aff import AFF


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)
        self.act_aff = AFF(channels=width)
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        x = self.act((norm_out := self.norm(self.conv(x))).clone())
        x = self.act_aff(x, norm_out)
        return self.head(x)
