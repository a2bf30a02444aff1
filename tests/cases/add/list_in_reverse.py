# flags: eca --before model.py::Net.ups.*.conv --build Net([8,16,32])
import torch.nn as nn
import torch.nn.functional as F


class Up(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[-1], 1)
        self.ups = nn.ModuleList()
        for below, above in zip(widths, widths[1:]):
            self.ups.append(Up(above, below))

    def forward(self, x):
        x = self.stem(x)
        for up in reversed(self.ups):
            x = F.interpolate(up.conv(x), scale_factor=2)
        return x
# output
import torch.nn as nn
import torch.nn.functional as F
from blocks.eca import ECA


class Up(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, padding=1)


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.stem = nn.Conv2d(3, widths[-1], 1)
        self.ups = nn.ModuleList()
        for below, above in zip(widths, widths[1:]):
            self.ups.append(Up(above, below))
        self.ups_eca = nn.ModuleList(
            [ECA(channels=layer.conv.in_channels) for layer in self.ups]
        )

    def forward(self, x):
        x = self.stem(x)
        for up, up_eca in zip(reversed(self.ups), reversed(self.ups_eca)):
            x = F.interpolate(up.conv(up_eca(x)), scale_factor=2)
        return x
