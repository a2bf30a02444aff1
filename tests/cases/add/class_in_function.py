# flags: cbam --after model.py::conv --build make()
from torch import nn


def make(width=16):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)

        def forward(self, x):
            return self.conv(x)

    return Net()
# output
from torch import nn
from blocks.cbam import CBAM


def make(width=16):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)
            self.conv_cbam = CBAM(channels=width)

        def forward(self, x):
            return self.conv_cbam(self.conv(x))

    return Net()
