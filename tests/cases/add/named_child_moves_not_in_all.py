# flags: se --after model.body.last --build Net(0) --build Net(1) --build Net(2) --input 1x3x8x8
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.body = nn.Sequential()
        self.body.add_module("first", nn.Conv2d(3, 8, 3))
        if kind > 0:
            self.body.add_module("norm", nn.BatchNorm2d(8))
        if kind != 1:
            self.body.add_module("last", nn.Conv2d(8, 16, 3))
            self.body.add_module("act", nn.ReLU())

    def forward(self, x):
        return self.body(x) + 1
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.body = nn.Sequential()
        self.body.add_module("first", nn.Conv2d(3, 8, 3))
        if kind > 0:
            self.body.add_module("norm", nn.BatchNorm2d(8))
        if kind != 1:
            self.body.add_module("last", nn.Conv2d(8, 16, 3))
            if getattr(self.body, "last", None) is not None:
                self.body_last_se = SE(channels=16)
            self.body.add_module("act", nn.ReLU())

    def forward(self, x):
        out = x
        for layer in self.body:
            out = layer(out)
            if layer is getattr(self.body, "last", None):
                out = self.body_last_se(out)
        return out + 1
