# flags: swish --replace model.py::Net.act --set trainable=True
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.act = nn.ReLU()
        self.block = nn.Sequential(self.conv, self.act)

    def forward(self, x):
        return self.block(x)
# output
from torch import nn
from blocks.swish import Swish


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.act = Swish(trainable=True)
        self.block = nn.Sequential(self.conv, self.act)

    def forward(self, x):
        return self.block(x)
