# flags: swish --replace model.py::Net.features.1
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU())

    def forward(self, x):
        return self.features(x)
# output
import torch.nn as nn
from blocks.swish import Swish


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3), Swish(), nn.Conv2d(8, 8, 3), nn.ReLU()
        )

    def forward(self, x):
        return self.features(x)
