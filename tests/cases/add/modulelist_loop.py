# flags: cbam --after model.py::Net.blocks.1
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, dim=16, depth=3):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 1)
        self.blocks = nn.ModuleList([nn.Conv2d(dim, dim, 3, padding=1) for _ in range(depth)])

    def forward(self, x):
        x = self.stem(x)
        for blk in self.blocks:
            x = blk(x)
        return x
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, dim=16, depth=3):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 1)
        self.blocks = nn.ModuleList([nn.Conv2d(dim, dim, 3, padding=1) for _ in range(depth)])
        if len(self.blocks) > 1:
            self.blocks_1_cbam = CBAM(channels=dim)

    def forward(self, x):
        x = self.stem(x)
        for blk in self.blocks:
            x = blk(x)
            if len(self.blocks) > 1 and blk is self.blocks[1]:
                x = self.blocks_1_cbam(x)
        return x
