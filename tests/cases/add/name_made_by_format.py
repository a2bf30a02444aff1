# flags: cbam --after model.py::Net.conv2
from torch import nn


class Net(nn.Module):
    def __init__(self, depth=3):
        super().__init__()
        self.depth = depth
        for i in range(depth):
            self.add_module("conv%d" % i, nn.Conv2d(16 if i else 3, 16, 3))

    def forward(self, x):
        for i in range(self.depth):
            x = getattr(self, "conv{}".format(i))(x)
        return x
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, depth=3):
        super().__init__()
        self.depth = depth
        for i in range(depth):
            self.add_module("conv%d" % i, nn.Conv2d(16 if i else 3, 16, 3))
        if getattr(self, "conv2", None) is not None:
            self.conv2_cbam = CBAM(channels=16)

    def forward(self, x):
        for i in range(self.depth):
            x = getattr(self, "conv{}".format(i))(x)
            if getattr(self, "conv{}".format(i)) is getattr(self, "conv2", None):
                x = self.conv2_cbam(x)
        return x
