# A block behind a layer, and another one behind the block.
# expect: proven
# place: se after layer1
# place: mix after layer1
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, width=16, deep=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Conv2d(width, width, 3, padding=1)
        self.layer2 = nn.Conv2d(width, width, 3, padding=1)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer1(x)
        x = F.relu(self.layer2(x))
        return self.fc(x.mean((2, 3)))
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


class Net(nn.Module):
    def __init__(self, width=16, deep=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Conv2d(width, width, 3, padding=1)
        self.se = SE(width)
        self.mix = nn.Conv2d(width, width, 1)
        self.layer2 = nn.Conv2d(width, width, 3, padding=1)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer1(x)
        x = self.mix(self.se(x))
        x = F.relu(self.layer2(x))
        return self.fc(x.mean((2, 3)))
