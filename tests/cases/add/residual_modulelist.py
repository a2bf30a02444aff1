# flags: se --after model.py::Net.blocks.1 --fuse add
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
from blocks.se import SE


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
        if len(self.blocks) > 1:
            self.blocks_1_se = SE(channels=width)
        self.features = nn.Sequential(Block(width), Block(width), nn.ReLU())

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
            if len(self.blocks) > 1 and block is self.blocks[1]:
                x = x + self.blocks_1_se(x)
        return self.features(x)


def net():
    return Net()
