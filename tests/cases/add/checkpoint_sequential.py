# flags: se --after model.features.1
import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint_sequential


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU()
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = checkpoint_sequential(self.features, 2, x, use_reentrant=False)
        return self.head(x.mean((2, 3)))
# output
import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint_sequential
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU()
        )
        self.features_1_se = SE(channels=width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = checkpoint_sequential(
            [*self.features[:2], self.features_1_se, *self.features[2:]],
            2,
            x,
            use_reentrant=False,
        )
        return self.head(x.mean((2, 3)))
