# flags: se --after model.py::Net.two.f.c.0 --build Net(True) --build Net(False) --input 1x3x8x8
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, se, last):
        super().__init__()
        self.f = nn.Sequential()
        self.f.add_module("a", nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU()))
        if se:
            self.f.add_module("se", nn.Conv2d(8, 8, 1))
        if last:
            self.f.add_module("c", nn.Sequential(nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 1)))

    def forward(self, x):
        return 1 + self.f(x)


class Net(nn.Module):
    def __init__(self, se):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.one = Block(se, False)
        self.two = Block(se, True)

    def forward(self, x):
        return self.two(self.one(self.stem(x)))
# output
import torch.nn as nn
from blocks.se import SE


class Block(nn.Module):
    def __init__(self, se, last):
        super().__init__()
        self.f = nn.Sequential()
        self.f.add_module("a", nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU()))
        if se:
            self.f.add_module("se", nn.Conv2d(8, 8, 1))
        if last:
            self.f.add_module("c", nn.Sequential(nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 1)))
        self.f_c_0_se = nn.Identity()

    def forward(self, x):
        out = x
        for layer in self.f:
            if layer is getattr(self.f, "c", None) and not isinstance(
                self.f_c_0_se, nn.Identity
            ):
                for j, sublayer in enumerate(layer):
                    out = sublayer(out)
                    if j == 0:
                        out = self.f_c_0_se(out)
            else:
                out = layer(out)
        return 1 + out


class Net(nn.Module):
    def __init__(self, se):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.one = Block(se, False)
        self.two = Block(se, True)
        self.two.f_c_0_se = SE(channels=self.two.f.c[0].out_channels)

    def forward(self, x):
        return self.two(self.one(self.stem(x)))
