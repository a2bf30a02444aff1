# flags: mhsa --after model.last
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        x = self.last(x)
        return x
# output
import torch
import torch.nn as nn
from blocks.mhsa import MultiheadSelfAttention


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.last_mhsa = MultiheadSelfAttention(channels=2 * width)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        x = self.last(x)
        x = (
            self.last_mhsa(x.flatten(2).transpose(1, 2))
            .transpose(1, 2)
            .reshape(x.shape)
        )
        return x
