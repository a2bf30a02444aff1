# flags: cbam --after model.py::Net.stages.3
from torch import nn


class Net(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.cut = depth // 2
        self.stem = nn.Conv2d(3, 16, 3)
        self.stages = nn.Sequential(*[nn.Conv2d(16, 16, 1) for _ in range(depth)])

    def forward(self, x):
        x = self.stages[: self.cut](self.stem(x))
        return x + self.stages[self.cut :](x)


def small():
    return Net(4)


def large():
    return Net(8)
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.cut = depth // 2
        self.stem = nn.Conv2d(3, 16, 3)
        self.stages = nn.Sequential(*[nn.Conv2d(16, 16, 1) for _ in range(depth)])
        self.stages_3_cbam = CBAM(channels=16)

    def forward(self, x):
        x = self.stem(x)
        for layer in self.stages[: self.cut]:
            x = layer(x)
            if layer is self.stages[3]:
                x = self.stages_3_cbam(x)
        out = x
        for layer in self.stages[self.cut :]:
            out = layer(out)
            if layer is self.stages[3]:
                out = self.stages_3_cbam(out)
        return x + out


def small():
    return Net(4)


def large():
    return Net(8)
