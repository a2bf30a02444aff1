from torch import nn

from .backbone import Backbone


class Detector(nn.Module):
    def __init__(self, classes, fresh):
        super().__init__()
        self.backbone = Backbone([1, 16], fresh)
        self.neck = nn.Conv2d(16, 24, 1)
        self.head = nn.Conv2d(24, classes, 1)

    def forward(self, x):
        return self.head(self.neck(self.backbone(x)))
