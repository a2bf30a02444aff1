# flags: cbam --after model.py::Net.body.0 --no-prove
import torch.nn as nn

WIDTHS = {"small": [16, 32], "large": [16, 64]}


def layers(widths):
    return nn.Sequential(nn.Conv2d(3, widths[0], 3), nn.ReLU(), nn.Conv2d(widths[0], widths[1], 3))


class Net(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        x = self.body(x)
        return x


def small():
    return Net(layers(WIDTHS["small"]))


def large():
    return Net(layers(WIDTHS["large"]))
# output
import torch.nn as nn
from blocks.cbam import CBAM

WIDTHS = {"small": [16, 32], "large": [16, 64]}


def layers(widths):
    return nn.Sequential(nn.Conv2d(3, widths[0], 3), nn.ReLU(), nn.Conv2d(widths[0], widths[1], 3))


class Net(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body
        self.body_0_cbam = CBAM(channels=16)

    def forward(self, x):
        for layer in self.body:
            x = layer(x)
            if layer is self.body[0]:
                x = self.body_0_cbam(x)
        return x


def small():
    return Net(layers(WIDTHS["small"]))


def large():
    return Net(layers(WIDTHS["large"]))
