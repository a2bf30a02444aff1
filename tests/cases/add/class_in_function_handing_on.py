# flags: cbam --after model.py::conv --build make()
from torch import nn


def run(layer, x):
    return layer(x)


def make(width=16):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)

        def forward(self, x):
            return run(self.conv, x)

    return Net()
# output
from torch import nn
from blocks.cbam import CBAM


def run(layer, x):
    return layer.cbam(layer(x)) if hasattr(layer, "cbam") else layer(x)


def make(width=16):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)
            self.conv.cbam = CBAM(channels=width)

        def forward(self, x):
            return run(self.conv, x)

    return Net()
