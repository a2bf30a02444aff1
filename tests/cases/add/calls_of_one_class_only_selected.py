# flags: se --after model.py::Net.layer.*.relu@all --build Net(Basic) --build Net(Bottleneck) --input 1x3x8x8
import torch.nn as nn


class Basic(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x):
        out = self.relu(self.one(x))
        return self.relu(out + x)


class Bottleneck(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width * 2, 1)
        self.two = nn.Conv2d(width * 2, width, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x):
        out = self.relu(self.one(x))
        out = self.relu(self.two(out))
        out = out + x
        return self.relu(out)


class Net(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.layer = nn.Sequential(block(8), block(8))

    def forward(self, x):
        return self.layer(self.stem(x))
# output
import torch.nn as nn
from blocks.se import SE


class Basic(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.relu = nn.ReLU()
        self.relu_se = nn.Identity()
        self.relu_se_2 = nn.Identity()

    def forward(self, x):
        out = self.relu(self.one(x))
        out = self.relu_se(out)
        return self.relu_se_2(self.relu(out + x))


class Bottleneck(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.one = nn.Conv2d(width, width * 2, 1)
        self.two = nn.Conv2d(width * 2, width, 3, padding=1)
        self.relu = nn.ReLU()
        self.relu_se = nn.Identity()
        self.relu_se_2 = nn.Identity()
        self.relu_se_3 = nn.Identity()

    def forward(self, x):
        out = self.relu(self.one(x))
        out = self.relu_se(out)
        out = self.relu(self.two(out))
        out = self.relu_se_2(out)
        out = out + x
        return self.relu_se_3(self.relu(out))


class Net(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.layer = nn.Sequential(block(8), block(8))
        for layer in self.layer:
            layer.relu_se = SE(channels=layer.one.out_channels)
            layer.relu_se_2 = SE(channels=8)
            if isinstance(layer, Bottleneck):
                layer.relu_se_3 = SE(channels=8)

    def forward(self, x):
        return self.layer(self.stem(x))
