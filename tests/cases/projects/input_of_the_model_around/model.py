import torch
from torch import nn


class ResidualBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(dim, dim, 3, 1, 1), nn.ReLU(), nn.Conv2d(dim, dim, 3, 1, 1))

    def forward(self, x):
        return x + self.main(x)


class Generator(nn.Module):
    def __init__(self, dim=64, c_dim=5):
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(3 + c_dim, dim, 3, 1, 1), ResidualBlock(dim), nn.Conv2d(dim, 3, 1))

    def forward(self, x, c):
        c = c.view(c.size(0), c.size(1), 1, 1)
        c = c.repeat(1, 1, x.size(2), x.size(3))
        return self.main(torch.cat([x, c], dim=1))


class Discriminator(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.main = nn.Sequential(nn.Conv2d(3, dim, 3, 2, 1), nn.Conv2d(dim, 1, 1))

    def forward(self, x):
        return self.main(x)
