# flags: se --after model.py::Net.branches.1
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(3, 8 * k, 1) for k in (1, 2, 3))

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)
# output
import torch
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(3, 8 * k, 1) for k in (1, 2, 3))
        self.branches_1_se = SE(channels=self.branches[1].out_channels)

    def forward(self, x):
        return torch.cat([self.branches_1_se(branch(x)) if branch is self.branches[1] else branch(x) for branch in self.branches], dim=1)
