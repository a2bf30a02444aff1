# flags: se --after model.py::Net.conv
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)

    def forward(self, x):
        if x.shape[0] > 100:
            return self.conv.__call__(x)
        x = self.conv.__call__(x)
        return x
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.conv_se = SE(channels=16)

    def forward(self, x):
        if x.shape[0] > 100:
            return self.conv_se(self.conv.__call__(x))
        x = self.conv.__call__(x)
        x = self.conv_se(x)
        return x
