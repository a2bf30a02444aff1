# flags: cbam --after model.py::Net.conv1
from torch import nn


class Scheme:
    def __call__(self, module, x):
        return module(x).relu()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scheme = Scheme()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 16, 3)

    def forward(self, x):
        return self.scheme(self.conv2, self.scheme(self.conv1, x))
# output
from torch import nn
from blocks.cbam import CBAM


class Scheme:
    def __call__(self, module, x):
        return (module.cbam(module(x)) if hasattr(module, "cbam") else module(x)).relu()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scheme = Scheme()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv1.cbam = CBAM(channels=16)
        self.conv2 = nn.Conv2d(16, 16, 3)

    def forward(self, x):
        return self.scheme(self.conv2, self.scheme(self.conv1, x))
