# flags: cbam --after model.py::Net.parts.*.0
from torch import nn


class Net(nn.Module):
    def __init__(self, count):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.parts = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU()) for _ in range(count)]
        )

    def forward(self, x):
        x = self.stem(x)
        outs = []
        for part in self.parts:
            x = part(x)
            outs.append(x)
        return outs


def small():
    return Net(2)


def large():
    return Net(3)
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, count):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.parts = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU()) for _ in range(count)]
        )
        self.parts_0_0_cbam = CBAM(channels=16)
        self.parts_1_0_cbam = CBAM(channels=16)
        if len(self.parts) > 2:
            self.parts_2_0_cbam = CBAM(channels=16)

    def forward(self, x):
        x = self.stem(x)
        outs = []
        for part in self.parts:
            if part is self.parts[0]:
                for layer in part:
                    x = layer(x)
                    if layer is part[0]:
                        x = self.parts_0_0_cbam(x)
            elif part is self.parts[1]:
                for layer in part:
                    x = layer(x)
                    if layer is part[0]:
                        x = self.parts_1_0_cbam(x)
            elif len(self.parts) > 2 and part is self.parts[2]:
                for i, layer in enumerate(part):
                    x = layer(x)
                    if i == 0:
                        x = self.parts_2_0_cbam(x)
            else:
                x = part(x)
            outs.append(x)
        return outs


def small():
    return Net(2)


def large():
    return Net(3)
