# flags: se --after model.py::Bottleneck.conv2
import torch.nn as nn


class Bottleneck(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.conv1 = nn.Conv2d(planes, planes // 2, 1)
        self.conv2 = nn.Conv2d(planes // 2, planes, 3, padding=1)

    def forward(self, x):
        out = self.conv1(x)
        out = self.conv2(out)
        return out + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.block1 = Bottleneck(16)
        self.grow = nn.Conv2d(16, 32, 1)
        self.block2 = Bottleneck(32)

    def forward(self, x):
        x = self.block1(self.stem(x))
        return self.block2(self.grow(x))
# output
import torch.nn as nn
from blocks.se import SE


class Bottleneck(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.conv1 = nn.Conv2d(planes, planes // 2, 1)
        self.conv2 = nn.Conv2d(planes // 2, planes, 3, padding=1)
        self.conv2_se = SE(channels=planes)

    def forward(self, x):
        out = self.conv1(x)
        out = self.conv2(out)
        out = self.conv2_se(out)
        return out + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.block1 = Bottleneck(16)
        self.grow = nn.Conv2d(16, 32, 1)
        self.block2 = Bottleneck(32)

    def forward(self, x):
        x = self.block1(self.stem(x))
        return self.block2(self.grow(x))
