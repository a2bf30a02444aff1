# flags: se --after model.body.last --build Net(True) --build Net(False) --input 1x3x8x8
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.body = nn.Sequential()
        self.body.add_module("first", nn.Conv2d(3, 8, 3))
        if norm:
            self.body.add_module("norm", nn.BatchNorm2d(8))
        self.body.add_module("last", nn.Conv2d(8, 16, 3))
        self.body.add_module("act", nn.ReLU())

    def forward(self, x):
        x = self.body(x)
        return x.mean((2, 3))
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.body = nn.Sequential()
        self.body.add_module("first", nn.Conv2d(3, 8, 3))
        if norm:
            self.body.add_module("norm", nn.BatchNorm2d(8))
        self.body.add_module("last", nn.Conv2d(8, 16, 3))
        self.body_last_se = SE(channels=16)
        self.body.add_module("act", nn.ReLU())

    def forward(self, x):
        for layer in self.body:
            x = layer(x)
            if layer is self.body.last:
                x = self.body_last_se(x)
        return x.mean((2, 3))
