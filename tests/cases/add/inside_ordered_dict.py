# flags: se --after model.features.conv --inside --set reduction=4
from collections import OrderedDict

import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                [
                    ("stem", nn.Conv2d(3, width, 3)),
                    ("conv", nn.Conv2d(width, 16, 3)),
                    ("relu", nn.ReLU()),
                ]
            )
        )
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
# output
from collections import OrderedDict

import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                [
                    ("stem", nn.Conv2d(3, width, 3)),
                    ("conv", nn.Conv2d(width, 16, 3)),
                    ("conv_se", SE(channels=16, reduction=4)),
                    ("relu", nn.ReLU()),
                ]
            )
        )
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
