# flags: se --every Act --after model.py::Net.stage2
import torch.nn as nn


class Act(nn.ReLU):
    pass


class Gate(Act):
    pass


class Block(nn.Module):
    def __init__(self, width, act=Act):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.act = act()

    def forward(self, x):
        return x + self.act(self.conv(x))


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.stage1 = Block(width)
        self.stage2 = nn.Sequential(Block(width), Block(width, Gate))

    def forward(self, x):
        x = self.stage1(self.stem(x))
        return self.stage2(x)
# output
import torch.nn as nn
from blocks.se import SE


class Act(nn.ReLU):
    pass


class Gate(Act):
    pass


class Block(nn.Module):
    def __init__(self, width, act=Act):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.act = act()
        self.act_se = nn.Identity()

    def forward(self, x):
        return x + self.act_se(self.act(self.conv(x)))


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.stage1 = Block(width)
        self.stage2 = nn.Sequential(Block(width), Block(width, Gate))
        for layer in self.stage2:
            layer.act_se = SE(channels=width)

    def forward(self, x):
        x = self.stage1(self.stem(x))
        return self.stage2(x)
