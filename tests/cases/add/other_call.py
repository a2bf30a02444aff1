# flags: se --after model.py::Net.conv@2
# block: se
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    """Has the same block behind the first call."""

    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 1)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.conv_se = SE(channels=width)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        x = self.conv_se(x)
        y = self.conv(x)
        return x - y
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    """Has the same block behind the first call."""

    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 1)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.conv_se_2 = SE(channels=width)
        self.conv_se = SE(channels=width)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        x = self.conv_se(x)
        y = self.conv(x)
        y = self.conv_se_2(y)
        return x - y
