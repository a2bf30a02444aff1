# flags: se --after model.py::Net.body.1.0
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.Sequential(nn.Conv2d(8, 16, 3), nn.ReLU()),
            nn.Conv2d(16, 8, 1),
        )

    def forward(self, x):
        x = self.body(x)
        return x
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.Sequential(nn.Conv2d(8, 16, 3), nn.ReLU()),
            nn.Conv2d(16, 8, 1),
        )
        self.body_1_0_se = SE(channels=16)

    def forward(self, x):
        for layer in self.body:
            if layer is self.body[1]:
                for sublayer in layer:
                    x = sublayer(x)
                    if sublayer is layer[0]:
                        x = self.body_1_0_se(x)
            else:
                x = layer(x)
        return x
