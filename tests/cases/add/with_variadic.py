# flags: fusion-concat --after model.last --with model.conv
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
from blocks.fusion_concat import ConcatFusion


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.last_fusion_concat = ConcatFusion(
            in_channels=(2 * width, 2 * width), out_channels=2 * width
        )

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        conv_out = x
        x = self.last(x)
        x = self.last_fusion_concat(x, conv_out)
        return x
