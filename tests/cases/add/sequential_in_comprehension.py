# flags: cbam --after model.py::Net.branches.1.0
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(3, 16, 1), nn.BatchNorm2d(16), nn.ReLU()) for _ in range(3)]
        )

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)
# output
import torch
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(
            [nn.Sequential(nn.Conv2d(3, 16, 1), nn.BatchNorm2d(16), nn.ReLU()) for _ in range(3)]
        )
        self.branches_1_0_cbam = CBAM(channels=16)

    def forward(self, x):
        return torch.cat([(
            branch[1:](self.branches_1_0_cbam(branch[:1](x)))
            if branch is self.branches[1]
            else branch(x)
        ) for branch in self.branches], 1)
