# flags: cbam --after model.norm --gate
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.embed = nn.Conv2d(3, width, 4, stride=4)
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Linear(width, width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.embed(x)
        x = x.permute(0, 2, 3, 1)
        x = self.norm(x)
        x = self.mlp(x)
        return self.head(x.mean((1, 2)))
# output
import torch
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.embed = nn.Conv2d(3, width, 4, stride=4)
        self.norm = nn.LayerNorm(width)
        self.norm_cbam = CBAM(channels=width)
        self.norm_cbam_gate = nn.Parameter(torch.zeros(1))
        self.mlp = nn.Linear(width, width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.embed(x)
        x = x.permute(0, 2, 3, 1)
        x = self.norm(x)
        x = x + self.norm_cbam_gate * (
            self.norm_cbam(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) - x
        )
        x = self.mlp(x)
        return self.head(x.mean((1, 2)))
