# flags: cbam --after model.py::Net.conv1
from torch import nn


class Net(nn.Module):
    def __init__(self, twice=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.twice = twice

    def run(self, layer, x):
        if self.twice:
            return 2 * layer(x)
        return layer(x)

    def forward(self, x):
        return self.run(self.conv1, x)
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, twice=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv1_cbam = CBAM(channels=16)
        self.twice = twice

    def run(self, layer, x):
        if self.twice:
            return 2 * (self.conv1_cbam(layer(x)) if layer is self.conv1 else layer(x))
        return self.conv1_cbam(layer(x)) if layer is self.conv1 else layer(x)

    def forward(self, x):
        return self.run(self.conv1, x)
