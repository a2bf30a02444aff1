# flags: dropblock --replace model.py::Net.drop --set block_size=3
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, p=0.25):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.drop = nn.Dropout2d(p)

    def forward(self, x):
        return self.drop(self.conv(x))
# output
import torch.nn as nn
from blocks.dropblock import DropBlock


class Net(nn.Module):
    def __init__(self, p=0.25):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.drop = DropBlock(block_size=3, keep_prob=1 - p)

    def forward(self, x):
        return self.drop(self.conv(x))
