# flags: mhsa --after model.py::Net.norm --set num_heads=4
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, dim=32, patch=8):
        super().__init__()
        self.patches = nn.Conv2d(3, dim, patch, stride=patch)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = self.norm(x)
        return self.head(x.mean(1))
# output
import torch.nn as nn
from blocks.mhsa import MultiheadSelfAttention


class Net(nn.Module):
    def __init__(self, dim=32, patch=8):
        super().__init__()
        self.patches = nn.Conv2d(3, dim, patch, stride=patch)
        self.norm = nn.LayerNorm(dim)
        self.norm_mhsa = MultiheadSelfAttention(channels=dim, num_heads=4)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = self.norm(x)
        x = self.norm_mhsa(x)
        return self.head(x.mean(1))
