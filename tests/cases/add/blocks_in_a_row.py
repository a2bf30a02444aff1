# flags: cbam,se --after model.py::Net.conv --set se.reduction=8
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, 5)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))
# output
import torch.nn as nn
from blocks.se import SE
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.conv_cbam = CBAM(channels=width)
        self.conv_se = SE(channels=width, reduction=8)
        self.fc = nn.Linear(width, 5)

    def forward(self, x):
        return self.fc(self.conv_se(self.conv_cbam(self.conv(x))).mean((2, 3)))
