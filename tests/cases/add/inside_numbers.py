# flags: se --after model.features.2 --inside --set reduction=4
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3),
            nn.ReLU(),
            nn.Conv2d(width, 16, 3),
            nn.ReLU(),
            nn.Conv2d(16, 16, 1),
        )
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.features[:3](x)
        x = self.features[3](x) + self.features[-1].bias[:, None, None]
        x = self.features[4:](x)
        return self.head(x.mean((2, 3)))
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3),
            nn.ReLU(),
            nn.Conv2d(width, 16, 3),
            SE(channels=16, reduction=4),
            nn.ReLU(),
            nn.Conv2d(16, 16, 1),
        )
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        x = self.features[:4](x)
        x = self.features[4](x) + self.features[-1].bias[:, None, None]
        x = self.features[5:](x)
        return self.head(x.mean((2, 3)))
