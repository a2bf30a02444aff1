# flags: cbam,se --before model.py::Net.head --set se.reduction=8
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.head = nn.Conv2d(width, width, 1)
        self.fc = nn.Linear(width, 5)

    def forward(self, x):
        return self.fc(self.head(self.conv(x)).mean((2, 3)))
# output
import torch.nn as nn
from blocks.cbam import CBAM
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.head = nn.Conv2d(width, width, 1)
        self.head_se = SE(channels=width, reduction=8)
        self.head_cbam = CBAM(channels=width)
        self.fc = nn.Linear(width, 5)

    def forward(self, x):
        return self.fc(self.head(self.head_se(self.head_cbam(self.conv(x)))).mean((2, 3)))
