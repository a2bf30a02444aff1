# flags: se --after model.features.1 --inside --set reduction=4
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        layers = [nn.Conv2d(3, width, 3)]
        layers += [nn.ReLU(), nn.Conv2d(width, 16, 3)]
        for _ in range(2):
            layers.append(nn.Conv2d(16, 16, 1))
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        layers = [nn.Conv2d(3, width, 3)]
        layers += [nn.ReLU(), SE(channels=width, reduction=4), nn.Conv2d(width, 16, 3)]
        for _ in range(2):
            layers.append(nn.Conv2d(16, 16, 1))
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
