# flags: se --after model.py::Net.body.1
import torch.nn as nn


class Net(nn.Module):
    """After the last child is after the Sequential."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3))

    def forward(self, x):
        return self.body(x).mean((2, 3))
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    """After the last child is after the Sequential."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3))
        self.body_1_se = SE(channels=16)

    def forward(self, x):
        return self.body_1_se(self.body(x)).mean((2, 3))
