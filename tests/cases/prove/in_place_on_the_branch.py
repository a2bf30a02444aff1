# A scale that is multiplied in place where nobody else reads it.
# expect: proven
# place: layer1.0.gate after layer1.0.bn2 mul
# place: layer1.1.gate after layer1.1.bn2 mul
# place: layer2.0.gate after layer2.0.bn2 mul
# place: layer2.1.gate after layer2.1.bn2 mul
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x):
        identity = x
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, widths=(8, 16)):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1)
        self.layer1 = nn.Sequential(Block(widths[0]), Block(widths[0]))
        self.down = nn.Conv2d(widths[0], widths[1], 2, stride=2)
        self.layer2 = nn.Sequential(Block(widths[1]), Block(widths[1]))
        self.fc = nn.Linear(widths[1], 10)

    def forward(self, x):
        x = self.layer1(self.stem(x))
        x = self.layer2(self.down(x))
        return self.fc(x.mean((2, 3)))


def small():
    return ResNet()


def wide():
    return ResNet((16, 32))
# after
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1), nn.Sigmoid()
        )

    def forward(self, x):
        identity = x
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out *= self.gate(out)
        out += identity
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, widths=(8, 16)):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1)
        self.layer1 = nn.Sequential(Block(widths[0]), Block(widths[0]))
        self.down = nn.Conv2d(widths[0], widths[1], 2, stride=2)
        self.layer2 = nn.Sequential(Block(widths[1]), Block(widths[1]))
        self.fc = nn.Linear(widths[1], 10)

    def forward(self, x):
        x = self.layer1(self.stem(x))
        x = self.layer2(self.down(x))
        return self.fc(x.mean((2, 3)))


def small():
    return ResNet()


def wide():
    return ResNet((16, 32))
