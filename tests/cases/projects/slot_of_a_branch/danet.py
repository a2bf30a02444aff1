import torch.nn as nn

from base import SegBase


class DANet(SegBase):
    def __init__(self, nclass, backbone="resnet50"):
        super().__init__(backbone)
        self.head = nn.Conv2d(32, nclass, 1)

    def forward(self, x):
        _, c2 = self.base_forward(x)
        return self.head(c2)


def get_danet(backbone="resnet50"):
    return DANet(5, backbone)
