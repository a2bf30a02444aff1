import torch
from torch import nn


class Unit(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(nn.GroupNorm(4, channels), nn.SiLU(), nn.Conv2d(channels, channels, 1))

    def forward(self, x):
        return x + self.layers(x)


class Middle(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.drop = nn.Sequential(nn.Dropout(0.0))

    def forward(self, x):
        return self.drop(x)


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.down = Unit(width)
        self.middle = Middle(width)
        self.up = Unit(width)

    def forward(self, x):
        return self.up(self.middle(self.down(self.stem(x))))


if __name__ == "__main__":
    print(Net(32)(torch.rand(2, 3, 8, 8)).shape)
