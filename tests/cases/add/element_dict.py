# flags: se --after model.py::Net.backbone#out model.py::Net.backbone#aux
import torch.nn as nn


class Backbone(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.down = nn.Conv2d(width, 2 * width, 3)

    def forward(self, x):
        x = self.conv(x)
        return {'out': self.down(x), 'aux': x}


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.backbone = Backbone(width)
        self.head = nn.Conv2d(2 * width, 4, 1)
        self.aux = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        features = self.backbone(x)
        return self.head(features['out']), self.aux(features['aux'])
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
        return {'out': self.down(x), 'aux': x}


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.backbone = Backbone(width)
        self.backbone_out_se = SE(channels=2 * width)
        self.backbone_aux_se = SE(channels=width)
        self.head = nn.Conv2d(2 * width, 4, 1)
        self.aux = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        features = self.backbone(x)
        features['out'] = self.backbone_out_se(features['out'])
        features['aux'] = self.backbone_aux_se(features['aux'])
        return self.head(features['out']), self.aux(features['aux'])
