# flags: se --after model.py::Net.backbone#1
import torch.nn as nn


class Backbone(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.down = nn.Conv2d(width, 2 * width, 3)

    def forward(self, x):
        x = self.conv(x)
        return x, self.down(x), x.mean()


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.backbone = Backbone(width)
        self.head = nn.Conv2d(2 * width, 4, 1)

    def forward(self, x):
        feats = self.backbone(x)
        return self.head(feats[1]) + feats[0].mean()
# output
import torch.nn as nn
from blocks.se import SE


class Backbone(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.down = nn.Conv2d(width, 2 * width, 3)

    def forward(self, x):
        x = self.conv(x)
        return x, self.down(x), x.mean()


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.backbone = Backbone(width)
        self.backbone_1_se = SE(channels=2 * width)
        self.head = nn.Conv2d(2 * width, 4, 1)

    def forward(self, x):
        feats = self.backbone(x)
        feats = (feats[0], self.backbone_1_se(feats[1]), feats[2])
        return self.head(feats[1]) + feats[0].mean()
