# flags: cbam --after model.py::tiny.layer1
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.layer1 = nn.Conv2d(width, 2 * width, 3)

    def forward(self, x):
        x = self.conv1(x)
        return self.layer1(x)


def tiny():
    return Net(8)


def base():
    return Net(16)
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.layer1 = nn.Conv2d(width, 2 * width, 3)
        self.layer1_cbam = CBAM(channels=2 * width)

    def forward(self, x):
        x = self.conv1(x)
        return self.layer1_cbam(self.layer1(x))


def tiny():
    return Net(8)


def base():
    return Net(16)
