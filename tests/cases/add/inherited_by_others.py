# flags: cbam --after model.Small.body --build 'Small()' --build 'Large(6)'
import torch.nn as nn


class Base(nn.Module):
    def forward(self, x):
        x = self.body(x)
        return self.head(x.mean((2, 3)))


class Small(Base):
    def __init__(self, width=8):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3)
        self.head = nn.Linear(width, 4)


class Large(Base):
    def __init__(self, size):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, size, 1), nn.Conv2d(size, size * 2, 1))
        self.head = nn.Linear(size * 2, 4)
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Base(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.body_cbam = nn.Identity()

    def forward(self, x):
        x = self.body(x)
        x = self.body_cbam(x)
        return self.head(x.mean((2, 3)))


class Small(Base):
    def __init__(self, width=8):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3)
        self.body_cbam = CBAM(channels=width)
        self.head = nn.Linear(width, 4)


class Large(Base):
    def __init__(self, size):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, size, 1), nn.Conv2d(size, size * 2, 1))
        self.head = nn.Linear(size * 2, 4)
