# flags: cbam --after model.first --input 1x3x32x64
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 8, stride=8)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.pos = nn.Parameter(torch.zeros(1, 65, width))
        self.first = nn.TransformerEncoderLayer(width, 2, 16, batch_first=True)
        self.second = nn.TransformerEncoderLayer(width, 2, 16, batch_first=True)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([x], dim=1)
        x = self.first(x)
        x = self.second(x)
        return self.head(x[:, 0])
# output
import torch
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 8, stride=8)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.pos = nn.Parameter(torch.zeros(1, 65, width))
        self.first = nn.TransformerEncoderLayer(width, 2, 16, batch_first=True)
        self.first_cbam = CBAM(channels=width)
        self.second = nn.TransformerEncoderLayer(width, 2, 16, batch_first=True)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([x], dim=1)
        x = self.first(x)
        x = (
            self.first_cbam(x.transpose(1, 2).unflatten(2, (4, 8)))
            .flatten(2)
            .transpose(1, 2)
        )
        x = self.second(x)
        return self.head(x[:, 0])
