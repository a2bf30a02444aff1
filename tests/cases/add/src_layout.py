# flags: se --after nets.model.conv
# file: src/nets/model.py
# empty: src/nets/__init__.py
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)

    def forward(self, x):
        x = self.conv(x)
        return x
# output
import torch.nn as nn
from nets.blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.conv_se = SE(channels=16)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv_se(x)
        return x
