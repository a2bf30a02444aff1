# flags: cbam --after model.py::Net.body.conv
from torch import nn


class Net(nn.Module):
    class Body(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)

        def forward(self, x):
            return self.conv(x)

    def __init__(self, width=16):
        super().__init__()
        self.body = Net.Body(width)

    def forward(self, x):
        return self.body(x)
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    class Body(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.conv = nn.Conv2d(3, width, 3)
            self.conv_cbam = CBAM(channels=width)

        def forward(self, x):
            return self.conv_cbam(self.conv(x))

    def __init__(self, width=16):
        super().__init__()
        self.body = Net.Body(width)

    def forward(self, x):
        return self.body(x)
