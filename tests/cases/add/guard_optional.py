# flags: cbam --after model.py::Net.deep --build Net() --build Net(deep=True)
import torch.nn as nn


class Net(nn.Module):
    """Has its second stage on demand."""

    def __init__(self, deep=False):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.deep = nn.Conv2d(16, 16, 3, padding=1) if deep else None

    def forward(self, x):
        x = self.stem(x)
        if self.deep is not None:
            x = self.deep(x)
        return x
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    """Has its second stage on demand."""

    def __init__(self, deep=False):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.deep = nn.Conv2d(16, 16, 3, padding=1) if deep else None
        if self.deep is not None:
            self.deep_cbam = CBAM(channels=16)

    def forward(self, x):
        x = self.stem(x)
        if self.deep is not None:
            x = self.deep(x)
            x = self.deep_cbam(x)
        return x
