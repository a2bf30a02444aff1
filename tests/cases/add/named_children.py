# flags: se --after model.py::Net.body.last --build Net(True) --build Net(False)
from collections import OrderedDict

import torch.nn as nn


class Net(nn.Module):
    def __init__(self, norm=True):
        super().__init__()
        layers = OrderedDict(first=nn.Conv2d(3, 8, 3))
        if norm:
            layers["norm"] = nn.BatchNorm2d(8)
        layers["last"] = nn.Conv2d(8, 16, 1)
        self.body = nn.Sequential(layers)
        self.head = nn.Conv2d(16, 4, 1)

    def forward(self, x):
        return self.head(self.body(x) - 1)
# output
from collections import OrderedDict

import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, norm=True):
        super().__init__()
        layers = OrderedDict(first=nn.Conv2d(3, 8, 3))
        if norm:
            layers["norm"] = nn.BatchNorm2d(8)
        layers["last"] = nn.Conv2d(8, 16, 1)
        self.body = nn.Sequential(layers)
        self.body_last_se = SE(channels=self.body.last.out_channels)
        self.head = nn.Conv2d(16, 4, 1)

    def forward(self, x):
        return self.head(self.body_last_se(self.body(x)) - 1)
