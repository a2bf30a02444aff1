# One block for all layers, made once before the loop.
# expect: position
# line: out = self.se(out)
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


class SE(nn.Module):
    def __init__(self, channels, hidden=4):
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x):
        scale = torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3))))))
        return x * scale[:, :, None, None]


class Block(nn.Module):
    def __init__(self, width, se):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width)
        self.se = se

    def forward(self, x):
        identity = x
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out = self.se(out)
        out += identity
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, widths=(8, 16)):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1)
        se = SE(widths[0])
        self.layer1 = nn.Sequential(Block(widths[0], se), Block(widths[0], se))
        self.down = nn.Conv2d(widths[0], widths[1], 2, stride=2)
        se = SE(widths[1])
        self.layer2 = nn.Sequential(Block(widths[1], se), Block(widths[1], se))
        self.fc = nn.Linear(widths[1], 10)

    def forward(self, x):
        x = self.layer1(self.stem(x))
        x = self.layer2(self.down(x))
        return self.fc(x.mean((2, 3)))


def small():
    return ResNet()


def wide():
    return ResNet((16, 32))
