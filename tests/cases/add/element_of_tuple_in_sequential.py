# flags: se --after model.stages.1#1 --input 1x3x8x8
import torch.nn as nn


class Scales(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fine = nn.Conv2d(width, width, 3, padding=1)
        self.coarse = nn.Conv2d(width, 2 * width, 3, padding=1)

    def forward(self, x):
        return self.fine(x), self.coarse(x)


class Last(nn.Module):
    def forward(self, xs):
        return xs[0].mean((2, 3)).sum() + xs[1].mean()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.Sequential(nn.Conv2d(3, 8, 3), Scales(8), Last())

    def forward(self, x):
        return 1 + self.stages(x)
# output
import torch.nn as nn
from blocks.se import SE


class Scales(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fine = nn.Conv2d(width, width, 3, padding=1)
        self.coarse = nn.Conv2d(width, 2 * width, 3, padding=1)

    def forward(self, x):
        return self.fine(x), self.coarse(x)


class Last(nn.Module):
    def forward(self, xs):
        return xs[0].mean((2, 3)).sum() + xs[1].mean()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.Sequential(nn.Conv2d(3, 8, 3), Scales(8), Last())
        self.stages_1_1_se = SE(channels=self.stages[1].coarse.out_channels)

    def forward(self, x):
        out = x
        for layer in self.stages:
            out = layer(out)
            if layer is self.stages[1]:
                out = (out[0], self.stages_1_1_se(out[1]))
        return 1 + out
