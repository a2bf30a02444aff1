# flags: se --after model.py::Net.layers.* --build Net([16,24])
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.layers = nn.ModuleList()
        before = 3
        for width in widths:
            self.layers.append(nn.Sequential(nn.Conv2d(before, width, 3), nn.BatchNorm2d(width)))
            before = width

    def forward(self, x):
        kept = {}
        for number, layer in enumerate(self.layers):
            x = layer(x)
            kept[number] = x
        return kept[1]
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.layers = nn.ModuleList()
        before = 3
        for width in widths:
            self.layers.append(nn.Sequential(nn.Conv2d(before, width, 3), nn.BatchNorm2d(width)))
            before = width
        self.layers_se = nn.ModuleList(
            [SE(channels=widths[i]) for i in range(len(self.layers))]
        )

    def forward(self, x):
        kept = {}
        for number, layer in enumerate(self.layers):
            x = layer(x)
            x = self.layers_se[number](x)
            kept[number] = x
        return kept[1]
