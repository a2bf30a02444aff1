# flags: cbam --after model.upsampling_blocks.1
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.upsampling_blocks = nn.ModuleList()
        for _ in range(3):
            self.upsampling_blocks.append(
                nn.Sequential(nn.Conv2d(width, width, 1), nn.Upsample(scale_factor=2))
            )
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        features = [torch.zeros(1)] * 4
        x = self.stem(x)
        for number, (block, _) in enumerate(zip(self.upsampling_blocks, features)):
            x = block(x) + features[number + 1]
        return self.head(x.mean((2, 3)))
# output
import torch
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.upsampling_blocks = nn.ModuleList()
        for _ in range(3):
            self.upsampling_blocks.append(
                nn.Sequential(nn.Conv2d(width, width, 1), nn.Upsample(scale_factor=2))
            )
        self.upsampling_blocks_1_cbam = CBAM(channels=width)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        features = [torch.zeros(1)] * 4
        x = self.stem(x)
        for number, (block, _) in enumerate(zip(self.upsampling_blocks, features)):
            x = (
                self.upsampling_blocks_1_cbam(block(x))
                if block is self.upsampling_blocks[1]
                else block(x)
            ) + features[number + 1]
        return self.head(x.mean((2, 3)))
