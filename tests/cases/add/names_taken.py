# flags: se --after model.py::Net.features.0
import torch.nn as nn


class Net(nn.Module):
    """Has taken the names that would be given."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())
        self.features_0_se = nn.Conv2d(16, 8, 1)

    def forward(self, x):
        layer = self.features_0_se
        x = self.features(x)
        return layer(x)
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    """Has taken the names that would be given."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())
        self.features_0_se_2 = SE(channels=16)
        self.features_0_se = nn.Conv2d(16, 8, 1)

    def forward(self, x):
        layer = self.features_0_se
        for layer_0 in self.features:
            x = layer_0(x)
            if layer_0 is self.features[0]:
                x = self.features_0_se_2(x)
        return layer(x)
