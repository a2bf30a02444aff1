# flags: cbam --before model.py::Net.conv2
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.conv2 = nn.Conv2d(width, 8, 3)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        return x
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.conv2 = nn.Conv2d(width, 8, 3)
        self.conv2_cbam = CBAM(channels=width)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2_cbam(x)
        x = self.conv2(x)
        return x
