# flags: swish --replace model.py::Net.act --set trainable=True
# refused: unsupported
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        act = nn.ReLU()
        self.conv = nn.Conv2d(3, 16, 3)
        self.act = act
        self.block = nn.Sequential(self.conv, act)

    def forward(self, x):
        return self.block(x)
