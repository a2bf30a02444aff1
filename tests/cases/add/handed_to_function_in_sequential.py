# flags: cbam --after model.py::Net.stem.0
# refused: unsupported
from torch import nn


def run(layer, x):
    return layer(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())

    def forward(self, x):
        return run(self.stem, x)
