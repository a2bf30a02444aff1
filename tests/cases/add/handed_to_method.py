# flags: cbam --after model.py::Net.conv1
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv2 = nn.Conv2d(16, 16, 3)

    def run(self, layer, x, scale=1.0):
        if layer is None:
            return x
        x = layer(x)
        return x * scale

    def forward(self, x):
        x = self.run(self.conv1, x)
        return self.run(layer=self.conv2, x=x, scale=2.0)
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.conv1_cbam = CBAM(channels=16)
        self.conv2 = nn.Conv2d(16, 16, 3)

    def run(self, layer, x, scale=1.0):
        if layer is None:
            return x
        x = layer(x)
        if layer is self.conv1:
            x = self.conv1_cbam(x)
        return x * scale

    def forward(self, x):
        x = self.run(self.conv1, x)
        return self.run(layer=self.conv2, x=x, scale=2.0)
