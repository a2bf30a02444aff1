import torch.nn as nn

from base import SegBase


class PSPNet(SegBase):
    def __init__(self, nclass, backbone="resnet50"):
        super().__init__(backbone)
        self.head = nn.Conv2d(32, nclass, 1)

    def forward(self, x):
        _, c2 = self.base_forward(x)
        return self.head(c2)


def get_psp(backbone="resnet50"):
    return PSPNet(5, backbone)
