# flags: se --after model.py::Net.conv
import torch.nn as nn


class Base(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        x = self.conv(x)
        return x


class Net(Base):
    def __init__(self):
        super().__init__(width=16)
# output
import torch.nn as nn
from blocks.se import SE


class Base(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.conv_se = SE(channels=width)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv_se(x)
        return x


class Net(Base):
    def __init__(self):
        super().__init__(width=16)
