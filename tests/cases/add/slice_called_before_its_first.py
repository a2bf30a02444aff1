# flags: cbam --before model.py::Net.features.2
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
        self.features_2_cbam = CBAM(channels=16)

    def forward(self, x):
        low = self.features[:2](x)
        return self.features[2:](self.features_2_cbam(low)), low
