# flags: simam --after model.py::Net.act@all --input 1x3x32x32
# The calls differ in their channels, of which the block takes any number.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()
        self.convs = nn.ModuleList([nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3)])

    def forward(self, x):
        for conv in self.convs:
            x = self.act(conv(x))
        return x
# output
# The calls differ in their channels, of which the block takes any number.
import torch.nn as nn
from blocks.simam import SimAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU()
        self.act_simam = SimAM()
        self.convs = nn.ModuleList([nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3)])

    def forward(self, x):
        for conv in self.convs:
            x = self.act(conv(x))
            x = self.act_simam(x)
        return x
