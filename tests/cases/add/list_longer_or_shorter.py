# flags: se --after model.py::Net.stages.1 --build Net([8,16])
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        pairs = zip([3, *widths], widths)
        self.stages = nn.ModuleList([nn.Conv2d(a, b, 3) for a, b in pairs])
        self.head = nn.Conv2d(widths[-1], 2, 1)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.head(x)
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        pairs = zip([3, *widths], widths)
        self.stages = nn.ModuleList([nn.Conv2d(a, b, 3) for a, b in pairs])
        if len(self.stages) > 1:
            self.stages_1_se = SE(channels=self.stages[1].out_channels)
        self.head = nn.Conv2d(widths[-1], 2, 1)

    def forward(self, x):
        for stage in self.stages:
            x = stage(x)
            if len(self.stages) > 1 and stage is self.stages[1]:
                x = self.stages_1_se(x)
        return self.head(x)
