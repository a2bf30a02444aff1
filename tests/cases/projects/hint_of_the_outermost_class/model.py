import torch.nn as nn


class Separator(nn.Module):
    def __init__(self, filters, width):
        super().__init__()
        self.encoder = Encoder(filters)
        self.norm = norm_of(filters)
        self.out = nn.Conv1d(filters, width, 1)

    def forward(self, x):
        return self.out(self.norm(self.encoder(x)))


class Encoder(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.conv = nn.Conv1d(1, filters, 3)

    def forward(self, x):
        return self.conv(x)


def norm_of(size):
    return GlobalNorm(size)


class GlobalNorm(nn.GroupNorm):
    def __init__(self, size):
        super().__init__(1, size)

    def forward(self, x):
        return super().forward(x)
