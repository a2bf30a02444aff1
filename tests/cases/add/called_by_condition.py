# flags: cbam --after model.py::Net.deep
from torch import nn


class Net(nn.Module):
    def __init__(self, use_deep=True):
        super().__init__()
        self.use_deep = use_deep
        self.deep = nn.Conv2d(3, 16, 3)
        self.flat = nn.Conv2d(3, 16, 1)

    def forward(self, x):
        x = (self.deep if self.use_deep else self.flat)(x)
        return x.relu()
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, use_deep=True):
        super().__init__()
        self.use_deep = use_deep
        self.deep = nn.Conv2d(3, 16, 3)
        self.deep_cbam = CBAM(channels=16)
        self.flat = nn.Conv2d(3, 16, 1)

    def forward(self, x):
        x = (self.deep if self.use_deep else self.flat)(x)
        if (self.deep if self.use_deep else self.flat) is self.deep:
            x = self.deep_cbam(x)
        return x.relu()
