import torch
from torch import nn


class ResnetBlock(nn.Module):
    def __init__(self, dim, dilation=1):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(dim, dim, 3, padding=dilation, dilation=dilation),
            nn.InstanceNorm2d(dim),
            nn.ReLU(),
            nn.Conv2d(dim, dim, 3, padding=1),
            nn.InstanceNorm2d(dim),
        )

    def forward(self, x):
        return x + self.conv_block(x)


class Net(nn.Module):
    def __init__(self, residual_blocks=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.InstanceNorm2d(64), nn.ReLU())
        blocks = []
        for _ in range(residual_blocks):
            block = ResnetBlock(64, 2)
            blocks.append(block)
        self.middle = nn.Sequential(*blocks)
        self.decoder = nn.Conv2d(64, 3, 3, padding=1)

    def forward(self, x):
        x = self.encoder(x)
        x = self.middle(x)
        return self.decoder(x)
