# flags: se --after model.py::Block.body.0 --inside --set reduction=4
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(inputs, outputs, 3), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.body(x)


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(Block(3, width), Block(width, 16), nn.ReLU())
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
# output
import torch.nn as nn
from blocks.se import SE


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3),
            SE(channels=outputs, reduction=4),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x):
        return self.body(x)


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(Block(3, width), Block(width, 16), nn.ReLU())
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
