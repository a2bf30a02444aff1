# flags: se --after model.py::Block.relu@all --input 1x3x8x8
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        rep = [nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
        for _ in range(2):
            rep.append(self.relu)
            rep.append(nn.Conv2d(width, width, 3, padding=1))
        self.rep = nn.Sequential(*rep)

    def forward(self, x):
        return x + self.rep(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = Block(3)
        self.two = Block(3)

    def forward(self, x):
        return self.two(self.one(x))
# output
import torch.nn as nn
from blocks.se import SE


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.relu_se = SE(channels=width)
        rep = [nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
        for _ in range(2):
            rep.append(self.relu)
            rep.append(nn.Conv2d(width, width, 3, padding=1))
        self.rep = nn.Sequential(*rep)

    def forward(self, x):
        out = x
        for layer in self.rep:
            out = layer(out)
            if layer is self.rep[2]:
                out = self.relu_se(out)
        return x + out


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = Block(3)
        self.two = Block(3)

    def forward(self, x):
        return self.two(self.one(x))
