# flags: coordconv --replace model.py::Net.conv1
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width * 2, 3, stride=2, padding=1, bias=False)
        self.fc = nn.Linear(width * 2, 10)

    def forward(self, x):
        x = self.conv2(self.conv1(x).relu())
        return self.fc(x.mean((2, 3)))
# output
import torch.nn as nn
from blocks.coordconv import CoordConv


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = CoordConv(
            in_channels=3, out_channels=width, kernel_size=3, padding=1
        )
        self.conv2 = nn.Conv2d(width, width * 2, 3, stride=2, padding=1, bias=False)
        self.fc = nn.Linear(width * 2, 10)

    def forward(self, x):
        x = self.conv2(self.conv1(x).relu())
        return self.fc(x.mean((2, 3)))
