# flags: se --after model.py::Net.conv
# block: cbam
import torch.nn as nn

from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.conv_cbam = CBAM(channels=width)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv_cbam(x)
        return x
# output
import torch.nn as nn

from blocks.cbam import CBAM
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.conv_se = SE(channels=width)
        self.conv_cbam = CBAM(channels=width)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv_se(x)
        x = self.conv_cbam(x)
        return x
