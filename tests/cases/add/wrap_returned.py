# flags: spatial-attention --after model.py::Net.last
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.last = nn.Conv2d(8, 4, 3)

    def forward(self, x):
        return self.last(self.first(x).relu())
# output
import torch.nn as nn
from blocks.spatial_attention import SpatialAttention


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.last = nn.Conv2d(8, 4, 3)
        self.last_spatial_attention = SpatialAttention()

    def forward(self, x):
        return self.last_spatial_attention(self.last(self.first(x).relu()))
