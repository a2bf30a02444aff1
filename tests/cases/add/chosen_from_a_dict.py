# flags: cbam --after model.py::Net.conv
from torch import nn


class Net(nn.Module):
    def __init__(self, kind="conv"):
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(3, 16, 3)
        self.wide = nn.Conv2d(3, 16, 5)

    def forward(self, x):
        x = {"conv": self.conv, "wide": self.wide}[self.kind](x)
        return x.relu()
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, kind="conv"):
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(3, 16, 3)
        self.conv_cbam = CBAM(channels=16)
        self.wide = nn.Conv2d(3, 16, 5)

    def forward(self, x):
        x = {"conv": self.conv, "wide": self.wide}[self.kind](x)
        if {"conv": self.conv, "wide": self.wide}[self.kind] is self.conv:
            x = self.conv_cbam(x)
        return x.relu()
