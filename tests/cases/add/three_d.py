# flags: cbam --after model.py::Net.conv --input 1x1x8x12x16
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv3d(1, width, 3, padding=1)
        self.head = nn.Linear(width, 2)

    def forward(self, volume):
        volume = self.conv(volume)
        return self.head(volume.mean((2, 3, 4)))
# output
import torch.nn as nn
from blocks.cbam3d import CBAM3d


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv3d(1, width, 3, padding=1)
        self.conv_cbam = CBAM3d(channels=width)
        self.head = nn.Linear(width, 2)

    def forward(self, volume):
        volume = self.conv(volume)
        volume = self.conv_cbam(volume)
        return self.head(volume.mean((2, 3, 4)))
