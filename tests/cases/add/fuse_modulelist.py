# flags: fuse model.py::Net.blocks.0 model.py::Net.blocks.2 --fuse add
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
            if block is self.blocks[0]:
                blocks_0_out = x
            if len(self.blocks) > 2 and block is self.blocks[2]:
                x = blocks_0_out + x
        return self.features(x)


def net():
    return Net()
