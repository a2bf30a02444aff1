# flags: cbam --after model.py::Net.heads.1
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(3, 16, 1), nn.Conv2d(3, 16, 3, padding=1)])

    def forward(self, x):
        return sum(map(lambda m: m(x), self.heads))
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(3, 16, 1), nn.Conv2d(3, 16, 3, padding=1)])
        self.heads_1_cbam = CBAM(channels=16)

    def forward(self, x):
        return sum(map(lambda m: self.heads_1_cbam(m(x)) if m is self.heads[1] else m(x), self.heads))
