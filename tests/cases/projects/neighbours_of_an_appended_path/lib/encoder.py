from torch import nn


class Encoder(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.low = nn.Conv2d(3, width, 3, 2, 1)
        self.high = nn.Conv2d(width, width, 3, 2, 1)

    def forward(self, x):
        return self.high(self.low(x).relu())
