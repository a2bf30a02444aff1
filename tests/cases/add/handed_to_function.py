# flags: cbam --after model.py::Net.conv1
from torch import nn


def run(layer, x, skip=False):
    out = layer(x)
    return out + x if skip else out


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        return run(self.conv2, run(self.conv1, x), skip=True)
# output
from torch import nn
from blocks.cbam import CBAM


def run(layer, x, skip=False):
    out = layer(x)
    if hasattr(layer, "cbam"):
        out = layer.cbam(out)
    return out + x if skip else out


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv1.cbam = CBAM(channels=16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        return run(self.conv2, run(self.conv1, x), skip=True)
