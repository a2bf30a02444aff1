# flags: se --after model.py::Net.one.proj.0 --input 1x3x8x8
import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)
        if cin != cout:
            self.proj = nn.Sequential(nn.Conv2d(cin, cout, 1), nn.BatchNorm2d(cout))
        else:
            self.proj = nn.Identity()

    def forward(self, x):
        x = self.proj(x)
        return x


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.one = Unit(3, width)
        self.two = Unit(width, 8)

    def forward(self, x):
        return self.two(self.one(x))
# output
import torch.nn as nn
from blocks.se import SE


class Unit(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)
        if cin != cout:
            self.proj = nn.Sequential(nn.Conv2d(cin, cout, 1), nn.BatchNorm2d(cout))
        else:
            self.proj = nn.Identity()
        self.proj_0_se = nn.Identity()

    def forward(self, x):
        if isinstance(self.proj, nn.Sequential):
            for i, layer in enumerate(self.proj):
                x = layer(x)
                if i == 0:
                    x = self.proj_0_se(x)
        else:
            x = self.proj(x)
        return x


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.one = Unit(3, width)
        self.one.proj_0_se = SE(channels=width)
        self.two = Unit(width, 8)

    def forward(self, x):
        return self.two(self.one(x))
