# flags: se --after model.py::Net.conv1 model.py::Net.conv2
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.conv2 = nn.Conv2d(width, width * 2, 3)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        return x
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.conv1_se = SE(channels=width)
        self.conv2 = nn.Conv2d(width, width * 2, 3)
        self.conv2_se = SE(channels=width * 2)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv1_se(x)
        x = self.conv2(x)
        x = self.conv2_se(x)
        return x
