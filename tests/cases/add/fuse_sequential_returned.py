# flags: fuse model.py::Net.features.0 model.py::Net.features.1
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        return x.relu()


class Net(nn.Module):
    def __init__(self, width=8, depth=4):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.features = nn.Sequential(Block(width), Block(width), nn.ReLU())

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.features(x)


def net():
    return Net()
# output
from torch import nn
import torch


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        x = self.conv(x)
        return x.relu()


class Net(nn.Module):
    def __init__(self, width=8, depth=4):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.features = nn.Sequential(Block(width), Block(width), nn.ReLU())
        self.features_1_fuse = nn.Conv2d(2 * width, width, kernel_size=1)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        out = x
        for layer in self.features:
            out = layer(out)
            if layer is self.features[0]:
                features_0_out = out
            if layer is self.features[1]:
                out = self.features_1_fuse(torch.cat([features_0_out, out], dim=1))
        return out


def net():
    return Net()
