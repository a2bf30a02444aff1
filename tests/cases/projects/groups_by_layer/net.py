import torch
from torch import nn


class Backbone(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.norm(self.conv(x)).relu()


class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.backbone = Backbone(16)
        self.neck = nn.Conv2d(16, 24, 3, padding=1)
        self.head = nn.Conv2d(24, classes, 1)

    def forward(self, x):
        return self.head(self.neck(self.backbone(x)))

    def slow_parameters(self):
        yield from self.backbone.parameters()

    def fast_parameters(self):
        for module in [self.neck, self.head]:
            yield from module.parameters()
