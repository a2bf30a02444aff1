import torch
import torch.nn as nn


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 2, 1)

    def forward(self, x):
        return self.conv(x)


def build_backbone(path=None):
    backbone = Backbone()
    if path is not None:
        backbone.load_state_dict(torch.load(path))
    return backbone


class Detector(nn.Module):
    def __init__(self, path=None):
        super().__init__()
        self.backbone = build_backbone(path)
        self.neck = nn.Conv2d(16, 32, 1)
        self.head = nn.Conv2d(32, 4, 1)

    def forward(self, x):
        p = self.neck(self.backbone(x))
        return self.head(p)
