# flags: cbam --after model.layer2
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.layer1 = nn.Conv2d(3, width, 3, padding=1)
        self.layer2 = nn.Conv2d(width, width * 2, 3, padding=1)  # twice as wide
        self.head = nn.Linear(width * 2, 10)

    def forward(self, x):
        x = self.layer1(x)
        x = self.layer2(x)
        x = x.mean((2, 3))
        return self.head(x)
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.layer1 = nn.Conv2d(3, width, 3, padding=1)
        self.layer2 = nn.Conv2d(width, width * 2, 3, padding=1)  # twice as wide
        self.layer2_cbam = CBAM(channels=width * 2)
        self.head = nn.Linear(width * 2, 10)

    def forward(self, x):
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer2_cbam(x)
        x = x.mean((2, 3))
        return self.head(x)
