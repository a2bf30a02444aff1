# flags: fuse model.conv model.last --gate
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        x = self.last(x)
        return x
# output
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.last_fuse = nn.Conv2d(4 * width, 2 * width, kernel_size=1, bias=False)
        nn.init.dirac_(self.last_fuse.weight)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        conv_out = x
        x = self.last(x)
        x = self.last_fuse(torch.cat([x, conv_out], dim=1))
        return x
