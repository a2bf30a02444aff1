from torch import cat, nn


class Neck(nn.Module):
    """A pyramid of two levels; `width` scales every count of channels, as in nano, tiny, s, m, l."""

    def __init__(self, depth=1.0, width=1.0, widths=[16, 32], slim=False):
        super().__init__()
        self.stem = nn.Conv2d(3, int(widths[0] * width), 3, 2, 1)
        self.down = nn.Conv2d(int(widths[0] * width), int(widths[1] * width), 3, 2, 1)
        self.lateral = nn.Conv2d(int(widths[1] * width), int(widths[0] * width), 1)
        self.up = nn.Upsample(scale_factor=2)
        self.merge = nn.Sequential(
            nn.Conv2d(int(2 * widths[0] * width), int(widths[0] * width), 1 if slim else 3, padding=0 if slim else 1),
            *[nn.ReLU() for _ in range(round(3 * depth))],
        )
        self.out = nn.Conv2d(int(widths[0] * width), 8, 1)

    def forward(self, x):
        x = self.stem(x)
        y = self.up(self.lateral(self.down(x)))
        y = self.merge(cat([y, x], 1))
        return self.out(y)
