import torch.nn as nn


class Stage(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)

    def forward(self, x):
        return self.conv(x).relu()


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.stages = nn.ModuleList(Stage(a, b) for a, b in zip([3, *widths], widths))
        self.head = nn.Conv2d(widths[-1], 2, 1)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.head(x)
