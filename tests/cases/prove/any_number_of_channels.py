# A block whose weights take any number of channels: which axis it takes for them cannot be shown.
# expect: proven
# place: eca after layer1
# unshown: axis
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


class ECA(nn.Module):
    def __init__(self, size=3):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, x):
        scale = torch.sigmoid(self.conv(x.mean((2, 3))[:, None]))[:, 0]
        return x * scale[:, :, None, None]


class Net(nn.Module):
    def __init__(self, width=16, deep=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Conv2d(width, width, 3, padding=1)
        self.eca = ECA()
        self.layer2 = nn.Conv2d(width, width, 3, padding=1)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer1(x)
        x = self.eca(x)
        x = F.relu(self.layer2(x))
        return self.fc(x.mean((2, 3)))
