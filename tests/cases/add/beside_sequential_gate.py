# flags: se --beside model.features.1 --fuse mul --gate
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())

    def forward(self, x):
        x = self.features(x)
        return x.mean((2, 3))
# output
import torch
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.features_1_se = SE(channels=8)
        self.features_1_se_gate = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        for layer in self.features:
            if layer is self.features[1]:
                branch = self.features_1_se(x)
                x = layer(x)
                x = x + self.features_1_se_gate * (x * branch - x)
            else:
                x = layer(x)
        return x.mean((2, 3))
