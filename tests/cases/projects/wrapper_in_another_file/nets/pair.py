import torch.nn as nn

from .trunk import Trunk


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = Trunk(16)
        self.right = Trunk(24)

    def forward(self, x):
        return self.left(x).mean(), self.right(x).mean()
