# flags: se --beside model.features.2 --fuse add
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace=True))

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
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(inplace=True))
        self.features_2_se = SE(channels=8)

    def forward(self, x):
        for layer in self.features:
            if layer is self.features[2]:
                branch = self.features_2_se(x.clone())
                x = layer(x)
                x = x + branch
            else:
                x = layer(x)
        return x.mean((2, 3))
