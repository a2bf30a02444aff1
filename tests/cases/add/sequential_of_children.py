# flags: cbam --after model.py::Net.stem.1
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3))
        self.head = nn.Conv2d(16, 8, 1)

    def forward(self, x):
        for part in self.children():
            x = part(x)
        return x
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3))
        self.stem[1].cbam = CBAM(channels=16)
        self.head = nn.Conv2d(16, 8, 1)

    def forward(self, x):
        for part in self.children():
            if part is self.stem:
                for layer in part:
                    x = layer(x)
                    if hasattr(layer, "cbam"):
                        x = layer.cbam(x)
            else:
                x = part(x)
        return x
