# flags: cbam --after model.py::Hourglass.up_1
import torch.nn.functional as F
from torch import nn


class Hourglass(nn.Module):
    def __init__(self, depth=2):
        super().__init__()
        self.depth = depth
        for level in range(1, depth + 1):
            self.add_module('up_' + str(level), nn.Conv2d(16, 16, 3, padding=1))
            self.add_module('low_' + str(level), nn.Conv2d(16, 16, 3, padding=1))

    def _forward(self, level, x):
        up = self._modules['up_' + str(level)](x)
        low = F.avg_pool2d(x, 2)
        low = self._modules['low_' + str(level)](low)
        if level > 1:
            low = self._forward(level - 1, low)
        return up + F.interpolate(low, scale_factor=2)

    def forward(self, x):
        return self._forward(self.depth, x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.body = Hourglass()

    def forward(self, x):
        return self.body(self.stem(x))
# output
import torch.nn.functional as F
from torch import nn
from blocks.cbam import CBAM


class Hourglass(nn.Module):
    def __init__(self, depth=2):
        super().__init__()
        self.depth = depth
        for level in range(1, depth + 1):
            self.add_module('up_' + str(level), nn.Conv2d(16, 16, 3, padding=1))
            self.add_module('low_' + str(level), nn.Conv2d(16, 16, 3, padding=1))
        self.up_1_cbam = CBAM(channels=16)

    def _forward(self, level, x):
        up = self._modules['up_' + str(level)](x)
        if self._modules['up_' + str(level)] is self.up_1:
            up = self.up_1_cbam(up)
        low = F.avg_pool2d(x, 2)
        low = self._modules['low_' + str(level)](low)
        if level > 1:
            low = self._forward(level - 1, low)
        return up + F.interpolate(low, scale_factor=2)

    def forward(self, x):
        return self._forward(self.depth, x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.body = Hourglass()

    def forward(self, x):
        return self.body(self.stem(x))
