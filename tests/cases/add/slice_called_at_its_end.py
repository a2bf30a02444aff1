# flags: cbam --after model.py::Net.features.1
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU()
        )

    def forward(self, x):
        low = self.features[:2](x)
        return self.features[2:](low), low
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU()
        )
        self.features_1_cbam = CBAM(channels=16)

    def forward(self, x):
        low = self.features[:2](x)
        low = self.features_1_cbam(low)
        return self.features[2:](low), low
