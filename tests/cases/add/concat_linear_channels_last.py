# flags: se --after model.py::Net.mix --fuse concat --reduce linear --gate --set reduction=4 --input 2x3x32x32
import torch.nn as nn


class Mix(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        return self.proj(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Net(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 4, stride=4)
        self.mix = Mix(dim)
        self.head = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)

    def forward(self, x):
        x = self.stem(x)
        x = self.mix(x)
        return self.head(x)
# output
import torch.nn as nn
import torch
from blocks.se import SE


class Mix(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        return self.proj(self.norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Net(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 4, stride=4)
        self.mix = Mix(dim)
        self.mix_se = SE(channels=dim, reduction=4)
        self.mix_se_reduce = nn.Linear(2 * dim, dim, bias=False)
        nn.init.eye_(self.mix_se_reduce.weight)
        self.head = nn.Conv2d(dim, dim, 7, padding=3, groups=dim)

    def forward(self, x):
        x = self.stem(x)
        x = self.mix(x)
        x = self.mix_se_reduce(
            torch.cat([x, self.mix_se(x)], dim=1).movedim(1, -1)
        ).movedim(-1, 1)
        return self.head(x)
