# flags: se --after model.py::Net.body.stage --attach
import torch.nn as nn


class Body(nn.ModuleDict):
    def forward(self, x):
        for layer in self.values():
            x = layer(x)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        stage = nn.Sequential(nn.Conv2d(8, 16, 3), nn.Sequential(nn.BatchNorm2d(16), nn.ReLU()))
        self.body = Body({"stem": nn.Conv2d(3, 8, 3), "stage": stage})
        self.head = nn.Conv2d(16, 4, 1)

    def forward(self, x):
        return self.head(self.body(x))
# output
import torch.nn as nn
from blocks.se import SE


def run_se(layer, args, output):
    """Forward hook: the block attached to the layer takes its output."""
    return layer.se(output)


class Body(nn.ModuleDict):
    def forward(self, x):
        for layer in self.values():
            x = layer(x)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        stage = nn.Sequential(nn.Conv2d(8, 16, 3), nn.Sequential(nn.BatchNorm2d(16), nn.ReLU()))
        self.body = Body({"stem": nn.Conv2d(3, 8, 3), "stage": stage})
        self.body["stage"][-1][-1].se = SE(channels=16)
        self.body["stage"][-1][-1].register_forward_hook(run_se)
        self.head = nn.Conv2d(16, 4, 1)

    def forward(self, x):
        return self.head(self.body(x))
