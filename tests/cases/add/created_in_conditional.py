# flags: se --after model.py::Net.down
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, dim=16, norm=True):
        super().__init__()
        if norm:
            self.down = nn.Sequential(nn.Conv2d(3, dim, 2, stride=2), nn.BatchNorm2d(dim))
        else:
            self.down = nn.Conv2d(3, dim, 2, stride=2)
        self.head = nn.Linear(dim, 3)

    def forward(self, x):
        x = self.down(x)
        return self.head(x.mean((2, 3)))
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, dim=16, norm=True):
        super().__init__()
        if norm:
            self.down = nn.Sequential(nn.Conv2d(3, dim, 2, stride=2), nn.BatchNorm2d(dim))
        else:
            self.down = nn.Conv2d(3, dim, 2, stride=2)
        self.down_se = SE(channels=dim)
        self.head = nn.Linear(dim, 3)

    def forward(self, x):
        x = self.down(x)
        x = self.down_se(x)
        return self.head(x.mean((2, 3)))
