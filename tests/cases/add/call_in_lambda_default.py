# flags: se --after model.py::Net.pairs.0 --input 1x3x8x8
import torch.nn as nn


class Pairs(nn.Sequential):
    def __init__(self, *layers, first=(lambda layer, x, y: (layer(x), y))):
        super().__init__(*layers)
        self.first = first

    def forward(self, x, y):
        for layer in self:
            x, y = self.first(layer, x, y)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pairs = Pairs(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3))

    def forward(self, x):
        return self.pairs(x, x)
# output
import torch.nn as nn
from blocks.se import SE


class Pairs(nn.Sequential):
    def __init__(self, *layers, first=(lambda layer, x, y: (layer.se(layer(x)) if hasattr(layer, "se") else layer(x), y))):
        super().__init__(*layers)
        self.first = first

    def forward(self, x, y):
        for layer in self:
            x, y = self.first(layer, x, y)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pairs = Pairs(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3))
        self.pairs[0].se = SE(channels=8)

    def forward(self, x):
        return self.pairs(x, x)
