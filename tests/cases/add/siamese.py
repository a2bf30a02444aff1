# flags: cbam --after model.Siamese.encoder.stem@all
import torch
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        x = self.stem(x)
        return self.norm(x)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        one = self.encoder(x)
        other = self.encoder(x.flip(-1))
        return self.head(torch.abs(one - other).mean((2, 3)))
# output
import torch
import torch.nn as nn
from blocks.cbam import CBAM


class Encoder(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.stem_cbam = CBAM(channels=width)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        x = self.stem(x)
        x = self.stem_cbam(x)
        return self.norm(x)


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        one = self.encoder(x)
        other = self.encoder(x.flip(-1))
        return self.head(torch.abs(one - other).mean((2, 3)))
