# flags: se --after model.py::Net.levels.low
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleDict({'low': nn.Conv2d(3, 16, 3), 'high': nn.Conv2d(3, 16, 3)})

    def forward(self, x):
        out = {}
        for name, level in self.levels.items():
            out[name] = level(x)
        return out['low'] + out['high']
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleDict({'low': nn.Conv2d(3, 16, 3), 'high': nn.Conv2d(3, 16, 3)})
        self.levels_low_se = SE(channels=16)

    def forward(self, x):
        out = {}
        for name, level in self.levels.items():
            out[name] = (
                self.levels_low_se(level(x))
                if level is self.levels['low']
                else level(x)
            )
        return out['low'] + out['high']
