from torch import nn


class Stage(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.InstanceNorm2d(width)
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x):
        return self.norm(self.act(self.conv(x)))


class Growing(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 1)
        self.stages = nn.ModuleList([Stage(width) for _ in range(3)])
        self.head = nn.Conv2d(width, 3, 1)

    def forward(self, x, depth=1):
        x = self.stem(x)
        for stage in self.stages[:depth]:
            x = stage(x)
        return self.head(x)
