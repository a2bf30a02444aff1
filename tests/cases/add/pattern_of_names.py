# flags: se --after 'model.py::Net.stage.*.conv[12]' --set reduction=4
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 1)
        self.conv3 = nn.Conv2d(2 * width, width, 1)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        return self.conv3(x)


class Net(nn.Module):
    def __init__(self, width=16, depth=2):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.stage = nn.Sequential(*[Block(width) for _ in range(depth)])

    def forward(self, x):
        x = self.stem(x)
        return self.stage(x)
# output
import torch.nn as nn
from blocks.se import SE


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv1_se = nn.Identity()
        self.conv2 = nn.Conv2d(width, 2 * width, 1)
        self.conv2_se = nn.Identity()
        self.conv3 = nn.Conv2d(2 * width, width, 1)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv1_se(x)
        x = self.conv2(x)
        x = self.conv2_se(x)
        return self.conv3(x)


class Net(nn.Module):
    def __init__(self, width=16, depth=2):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.stage = nn.Sequential(*[Block(width) for _ in range(depth)])
        for layer in self.stage:
            layer.conv1_se = SE(channels=width, reduction=4)
            layer.conv2_se = SE(channels=layer.conv2.out_channels, reduction=4)

    def forward(self, x):
        x = self.stem(x)
        return self.stage(x)
