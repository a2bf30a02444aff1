from torch import nn


class Restorer(nn.Module):
    def __init__(self, features, scales, residual):
        super().__init__()
        self.residual = residual
        self.head = nn.Conv2d(3, features, 3, padding=1)
        self.body = nn.Conv2d(features, features, 3, padding=1)
        self.tail = nn.Conv2d(features, 3 * scales[-1] ** 2, 3, padding=1)
        self.up = nn.PixelShuffle(scales[-1])

    def forward(self, x):
        x = self.head(x)
        y = self.body(x)
        return self.up(self.tail(x + y if self.residual else y))
