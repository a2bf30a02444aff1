# flags: cbam --after model.py::Net.stages.1
import torch.nn as nn


def stage(inp, out):
    return nn.Sequential(nn.Conv2d(inp, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())


class Net(nn.Module):
    def __init__(self, widths=(16, 24, 32)):
        super().__init__()
        self.stages = nn.ModuleList()
        for inp, out in zip((3, *widths), widths):
            self.stages.append(stage(inp, out))

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features
# output
import torch.nn as nn
from blocks.cbam import CBAM


def stage(inp, out):
    return nn.Sequential(nn.Conv2d(inp, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU())


class Net(nn.Module):
    def __init__(self, widths=(16, 24, 32)):
        super().__init__()
        self.stages = nn.ModuleList()
        for inp, out in zip((3, *widths), widths):
            self.stages.append(stage(inp, out))
        if len(self.stages) > 1:
            self.stages_1_cbam = CBAM(channels=widths[1])

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            if len(self.stages) > 1 and stage is self.stages[1]:
                x = self.stages_1_cbam(x)
            features.append(x)
        return features
