# flags: se --after model.py::Net.conv --channels "widths[-1]"
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, widths=(8, 16)):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3)
        self.conv = nn.Conv2d(widths[0], widths[1], 3)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        return x
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, widths=(8, 16)):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3)
        self.conv = nn.Conv2d(widths[0], widths[1], 3)
        self.conv_se = SE(channels=widths[-1])

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        x = self.conv_se(x)
        return x
