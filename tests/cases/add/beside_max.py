# flags: se --beside model.last --fuse max
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.last = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        x = self.last(x)
        return x
# output
import torch.nn as nn
import torch
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.last = nn.Conv2d(width, width, 3, padding=1)
        self.last_se = SE(channels=width)

    def forward(self, x):
        x = self.stem(x)
        x = torch.maximum(self.last(x), self.last_se(x))
        return x
