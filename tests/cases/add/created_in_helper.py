# flags: se --after model.py::Net.neck
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, base=12):
        super().__init__()
        self.base = base
        self.stem = nn.Conv2d(3, base, 3)
        self._build_neck(base * 2)

    def _build_neck(self, out):
        self.neck = nn.Conv2d(self.base, out, 1)

    def forward(self, x):
        x = self.stem(x)
        x = self.neck(x)
        return x
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, base=12):
        super().__init__()
        self.base = base
        self.stem = nn.Conv2d(3, base, 3)
        self._build_neck(base * 2)
        self.neck_se = SE(channels=base * 2)

    def _build_neck(self, out):
        self.neck = nn.Conv2d(self.base, out, 1)

    def forward(self, x):
        x = self.stem(x)
        x = self.neck(x)
        x = self.neck_se(x)
        return x
