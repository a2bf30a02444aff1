# flags: ghost --replace model.py::Net.conv2
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
from blocks.ghost import GhostModule


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width * 2, 3, stride=2, padding=1, bias=False)
        self.conv2 = GhostModule(
            in_channels=self.conv2.in_channels,
            out_channels=self.conv2.out_channels,
            kernel_size=self.conv2.kernel_size[0],
            stride=self.conv2.stride[0],
        )
        self.fc = nn.Linear(width * 2, 10)

    def forward(self, x):
        x = self.conv2(self.conv1(x).relu())
        return self.fc(x.mean((2, 3)))
