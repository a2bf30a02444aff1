# file: train.py
# flags: se --after train.model.conv
import sys

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = self.conv(x)
        return self.fc(x.mean((2, 3)))


width = 12
model = Net(width).cuda()
print(model)
sys.exit("training")
# output
import sys

import torch
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.conv_se = SE(channels=width)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv_se(x)
        return self.fc(x.mean((2, 3)))


width = 12
model = Net(width).cuda()
print(model)
sys.exit("training")
