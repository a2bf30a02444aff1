# flags: se --before model.features.2 --inside --set reduction=4
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3),
            nn.ReLU(),
            # wide
            nn.Conv2d(width, 16, 3),
        )
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3),
            nn.ReLU(),
            # wide
            SE(channels=width, reduction=4),
            nn.Conv2d(width, 16, 3),
        )
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
