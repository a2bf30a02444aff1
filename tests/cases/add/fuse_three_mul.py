# flags: fuse model.stem model.conv model.last --fuse mul --gate
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        a = self.stem(x)
        b = self.conv(a)
        c = self.last(b)
        return c
# output
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, width, 3, padding=1)
        self.last_fuse_gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        a = self.stem(x)
        b = self.conv(a)
        c = self.last(b)
        c = c + self.last_fuse_gate * (a * b * c - c)
        return c
