# flags: cbam --after model.py::Net.conv2 --no-prove
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.conv2 = nn.Conv2d(width, 2 * width, 3)

    def forward(self, x):
        return self.conv2(self.conv1(x).relu())
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.conv2 = nn.Conv2d(width, 2 * width, 3)
        self.conv2_cbam = CBAM(channels=2 * width)

    def forward(self, x):
        return self.conv2_cbam(self.conv2(self.conv1(x).relu()))
