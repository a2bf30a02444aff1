"""The layers of a small repository with a parse_model of its own."""

import torch
from torch import nn


class Conv(nn.Module):
    def __init__(self, c1, c2, k=1, s=1):
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2, bias=False)
        self.bn = nn.BatchNorm2d(c2)
        self.act = nn.SiLU()

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))

    def forward_fuse(self, x):
        return self.act(self.conv(x))


class Concat(nn.Module):
    def __init__(self, dimension=1):
        super().__init__()
        self.d = dimension

    def forward(self, x):
        return torch.cat(x, self.d)


class Detect(nn.Module):
    def __init__(self, nc=80, ch=()):
        super().__init__()
        self.m = nn.ModuleList(nn.Conv2d(c, nc, 1) for c in ch)

    def forward(self, x):
        found = [layer(one) for layer, one in zip(self.m, x)]
        return found if self.training else torch.cat([one.flatten(2) for one in found], 2)


class Dead(nn.Module):
    """A block with a parameter that does nothing."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.unused = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x * self.scale


class Idle(nn.Module):
    """A block that does nothing."""

    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        return x + 0


class Boosted(Conv):
    """A block whose own part is lost once it is fused."""

    def __init__(self, channels):
        super().__init__(channels, channels)
        self.boost = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        return self.boost * super().forward(x)


class Counted(nn.Module):
    """A block of a width that is counted, not given."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return torch.sigmoid(self.conv(x))
