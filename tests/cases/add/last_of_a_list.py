# flags: cbam --after model.c.1
from torch import nn
import torch


def stack(width):
    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.c = nn.ModuleList([stack(width), nn.Sequential(nn.Conv2d(width, width * 2, 1), nn.ReLU())])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width * 2, 3)

    def forward(self, x):
        x = self.c[0](x)
        x = self.c[-1](x)
        return self.fc(torch.flatten(self.pool(x), 1))
# output
from torch import nn
import torch
from blocks.cbam import CBAM


def stack(width):
    return nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.c = nn.ModuleList([stack(width), nn.Sequential(nn.Conv2d(width, width * 2, 1), nn.ReLU())])
        self.c_1_cbam = CBAM(channels=width * 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width * 2, 3)

    def forward(self, x):
        x = self.c[0](x)
        x = self.c[-1](x)
        x = self.c_1_cbam(x)
        return self.fc(torch.flatten(self.pool(x), 1))
