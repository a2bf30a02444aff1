# flags: cbam --after model.py::Net.conv1
from torch import nn


class Scheme:
    def __init__(self, scale):
        self.scale = scale

    def __call__(self, module, x):
        out = module(x)
        return out * self.scale


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scheme = Scheme(0.5)
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 16, 3)

    def forward(self, x):
        for layer in (self.conv1, self.conv2):
            x = self.scheme(layer, x)
        return x
# output
from torch import nn
from blocks.cbam import CBAM


class Scheme:
    def __init__(self, scale):
        self.scale = scale

    def __call__(self, module, x):
        out = module(x)
        if hasattr(module, "cbam"):
            out = module.cbam(out)
        return out * self.scale


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scheme = Scheme(0.5)
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv1.cbam = CBAM(channels=16)
        self.conv2 = nn.Conv2d(16, 16, 3)

    def forward(self, x):
        for layer in (self.conv1, self.conv2):
            x = self.scheme(layer, x)
        return x
