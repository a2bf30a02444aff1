# flags: cbam --after model.py::Net.first.body@all --no-prove
# refused: channels-unknown
import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, channels, before, behind):
        super().__init__()
        self.before = before
        self.behind = behind
        self.body = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        if self.before:
            x = self.body(x)
        x = x.relu()
        if self.behind:
            x = self.body(x)
        return x


class Net(nn.Module):
    def __init__(self, before, behind):
        super().__init__()
        self.first = Unit(8, before, behind)

    def forward(self, x):
        return self.first(x)


def one():
    return Net(True, False)


def other():
    return Net(False, True)


def both():
    return Net(True, True)
