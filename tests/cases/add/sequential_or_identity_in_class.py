# flags: se --after model.py::Unit.proj.0 --build Net(8) --build Net(16) --input 1x3x8x8
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
        return self.conv(x) + self.proj(x)


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
        if getattr(self.proj, "0", None) is not None:
            self.proj_0_se = SE(channels=cout)

    def forward(self, x):
        if isinstance(self.proj, nn.Sequential):
            out = x
            for i, layer in enumerate(self.proj):
                out = layer(out)
                if i == 0:
                    out = self.proj_0_se(out)
        else:
            out = self.proj(x)
        return self.conv(x) + out


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.one = Unit(3, width)
        self.two = Unit(width, 8)

    def forward(self, x):
        return self.two(self.one(x))
