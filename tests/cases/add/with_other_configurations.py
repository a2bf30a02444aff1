# flags: aff --after model.py::Net.blocks.2 --with model.py::Net.blocks.1
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Conv2d(3 if i == 0 else width, width, 3, padding=1) for i in range(depth)])

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def small():
    return Net(2, 4)


def large():
    return Net(4, 8)
# output
import torch
from torch import nn
from blocks.aff import AFF


class Net(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Conv2d(3 if i == 0 else width, width, 3, padding=1) for i in range(depth)])
        if len(self.blocks) > 2:
            self.blocks_2_aff = AFF(channels=width)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
            if block is self.blocks[1]:
                blocks_1_out = x
            if len(self.blocks) > 2 and block is self.blocks[2]:
                x = self.blocks_2_aff(x, blocks_1_out)
        return x


def small():
    return Net(2, 4)


def large():
    return Net(4, 8)
