# flags: cbam --after model.py::Net.conv --set reduction=4 --set kernel_size=3 --name attention
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)

    def forward(self, x):
        x = self.conv(x)
        return x
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.attention = CBAM(channels=16, reduction=4, kernel_size=3)

    def forward(self, x):
        x = self.conv(x)
        x = self.attention(x)
        return x
