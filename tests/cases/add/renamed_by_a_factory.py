# flags: se --after model.last --build net(8) --build net(4) --input 1x3x8x8
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.last(x)


def net(width=8):
    model = Net(width)
    model.last = model.head
    del model.head
    return model
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.head = nn.Conv2d(width, 4, 1)
        self.last_se = SE(channels=4)

    def forward(self, x):
        x = self.stem(x)
        return self.last_se(self.last(x))


def net(width=8):
    model = Net(width)
    model.last = model.head
    del model.head
    return model
