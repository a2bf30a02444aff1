# flags: se --beside model.head --fuse add --gate
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        x = self.act(self.norm(self.conv(x)))
        return self.head(x)
# output
import torch
from torch import nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Conv2d(width, 4, 1)
        self.head_se = SE(channels=width)
        self.head_se_project = nn.Conv2d(width, 4, kernel_size=1, bias=False)
        self.head_se_gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        x = self.act(self.norm(self.conv(x)))
        return self.head(x) + self.head_se_gate * self.head_se_project(self.head_se(x))
