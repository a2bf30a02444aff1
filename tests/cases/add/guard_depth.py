# flags: se --after model.py::Net.features.4 --build Net(2) --build Net(3)
from torch import nn


class Net(nn.Module):
    def __init__(self, depth):
        super().__init__()
        layers, channels = [], 3
        for level in range(depth):
            layers += [nn.Conv2d(channels, 16 << level, 3, padding=1), nn.ReLU()]
            channels = 16 << level
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(channels, 10)

    def forward(self, x):
        x = self.features(x)
        return self.head(x.mean((2, 3)))
# output
from torch import nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, depth):
        super().__init__()
        layers, channels = [], 3
        for level in range(depth):
            layers += [nn.Conv2d(channels, 16 << level, 3, padding=1), nn.ReLU()]
            channels = 16 << level
        self.features = nn.Sequential(*layers)
        if len(self.features) > 4:
            self.features_4_se = SE(channels=self.features[4].out_channels)
        self.head = nn.Linear(channels, 10)

    def forward(self, x):
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i == 4:
                x = self.features_4_se(x)
        return self.head(x.mean((2, 3)))
