# flags: se --beside model.down2.conv --fuse add
import torch.nn as nn


class Down(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.conv = nn.Conv2d(channels, out, 3, padding=1)

    def forward(self, x):
        return self.conv(self.pool(x))


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down1 = Down(3, width)
        self.down2 = Down(width, width)

    def forward(self, x):
        x = self.down1(x)
        return self.down2(x)
# output
import torch.nn as nn
from blocks.se import SE


class Down(nn.Module):
    def __init__(self, channels, out):
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.conv = nn.Conv2d(channels, out, 3, padding=1)
        self.conv_se = None

    def forward(self, x):
        return (
            self.conv(fed := self.pool(x)) + self.conv_se(fed)
            if self.conv_se is not None
            else self.conv(self.pool(x))
        )


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.down1 = Down(3, width)
        self.down2 = Down(width, width)
        self.down2.conv_se = SE(channels=width)

    def forward(self, x):
        x = self.down1(x)
        return self.down2(x)
