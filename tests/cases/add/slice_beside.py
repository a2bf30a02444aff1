# flags: se --after model.py::Net.features.2 --fuse add
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()
        )

    def forward(self, x):
        low = self.features[:1](x)
        return self.features[1:](low), low
# output
from torch import nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()
        )
        self.features_2_se = SE(channels=16)

    def forward(self, x):
        low = self.features[:1](x)
        out = low
        for layer in self.features[1:]:
            out = layer(out)
            if layer is self.features[2]:
                out = out + self.features_2_se(out)
        return out, low
