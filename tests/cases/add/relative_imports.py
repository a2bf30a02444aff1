# flags: se --after nets.model.conv
# file: nets/model.py
# empty: nets/__init__.py
# empty: nets/common.py
import torch.nn as nn

from . import common


class Net(nn.Module):
    version = common.__name__

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)

    def forward(self, x):
        x = self.conv(x)
        return x
# output
import torch.nn as nn

from . import common
from .blocks.se import SE


class Net(nn.Module):
    version = common.__name__

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.conv_se = SE(channels=16)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv_se(x)
        return x
