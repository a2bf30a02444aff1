# flags: se --before model.py::Net.conv2
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(2 * width, 8, 3)

    def forward(self, x):
        one, two = self.conv1(x), self.conv1(-x)
        return torch.sigmoid(self.conv2(torch.cat([one, two], dim=1)))
# output
import torch
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(2 * width, 8, 3)
        self.conv2_se = SE(channels=2 * width)

    def forward(self, x):
        one, two = self.conv1(x), self.conv1(-x)
        return torch.sigmoid(self.conv2(self.conv2_se(torch.cat([one, two], dim=1))))
