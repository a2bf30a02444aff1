# flags: se --after model.py::Net.stages.* --build Net([8,16])
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        pairs = zip([3, *widths], widths)
        self.stages = nn.ModuleList([nn.Conv2d(a, b, 3) for a, b in pairs])
        self.head = nn.Conv2d(widths[-1], 2, 1)

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return self.head(features[-1])
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        pairs = zip([3, *widths], widths)
        self.stages = nn.ModuleList([nn.Conv2d(a, b, 3) for a, b in pairs])
        self.stages_se = nn.ModuleList(
            [SE(channels=layer.out_channels) for layer in self.stages]
        )
        self.head = nn.Conv2d(widths[-1], 2, 1)

    def forward(self, x):
        features = []
        for stage, stage_se in zip(self.stages, self.stages_se):
            x = stage(x)
            x = stage_se(x)
            features.append(x)
        return self.head(features[-1])
