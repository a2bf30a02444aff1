# flags: cbam --after model.py::Net.features.2
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Linear(32, 10)

    def forward(self, x):
        x = self.features(x)
        x = x.mean((2, 3))
        return self.classifier(x)
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.features_2_cbam = CBAM(channels=32)
        self.classifier = nn.Linear(32, 10)

    def forward(self, x):
        for layer in self.features:
            x = layer(x)
            if layer is self.features[2]:
                x = self.features_2_cbam(x)
        x = x.mean((2, 3))
        return self.classifier(x)
