# flags: cbam --after model.py::Net.features.1
from torch import nn


class Net(nn.Module):
    def __init__(self, parts=None):
        super().__init__()
        self.parts = parts
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU()
        )

    def forward(self, x):
        if self.parts is not None:
            x = self.features[:1](x)
            x = self.features[1:2](x)
            x = self.features[: self.parts](x)
            return self.features[2:](x)
        return self.features(x)
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, parts=None):
        super().__init__()
        self.parts = parts
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 32, 3), nn.ReLU()
        )
        self.features_1_cbam = CBAM(channels=16)

    def forward(self, x):
        if self.parts is not None:
            x = self.features[:1](x)
            for layer in self.features[1:2]:
                x = layer(x)
                if layer is self.features[1]:
                    x = self.features_1_cbam(x)
            for layer in self.features[: self.parts]:
                x = layer(x)
                if layer is self.features[1]:
                    x = self.features_1_cbam(x)
            return self.features[2:](x)
        return self.features[2:](self.features_1_cbam(self.features[:2](x)))
