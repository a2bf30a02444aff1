# flags: se --after model.py::Net.ups.* --build Net((16,24))
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.downs = nn.ModuleList([nn.Conv2d(a, b, 1) for a, b in zip((3, *widths), widths)])
        self.ups = nn.ModuleList([nn.Conv2d(b, widths[0], 1) for b in widths])

    def forward(self, x):
        kept = []
        for down in self.downs:
            x = down(x)
            kept.append(x)
        out = 0
        for up, skip in zip(self.ups, kept):
            out = out + up(skip)
        return out
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.downs = nn.ModuleList([nn.Conv2d(a, b, 1) for a, b in zip((3, *widths), widths)])
        self.ups = nn.ModuleList([nn.Conv2d(b, widths[0], 1) for b in widths])
        self.ups_se = nn.ModuleList([SE(channels=widths[0]) for _ in self.ups])

    def forward(self, x):
        kept = []
        for down in self.downs:
            x = down(x)
            kept.append(x)
        out = 0
        for up, skip, up_se in zip(self.ups, kept, self.ups_se):
            out = out + up_se(up(skip))
        return out
