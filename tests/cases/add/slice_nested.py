# flags: cbam --after model.py::Net.stages.1.0
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv2d(3, 16, 3),
            nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU()),
            nn.Conv2d(16, 8, 3),
        )

    def forward(self, x):
        return self.stages[2:](self.stages[0:2](x))
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.Sequential(
            nn.Conv2d(3, 16, 3),
            nn.Sequential(nn.Conv2d(16, 16, 3), nn.ReLU()),
            nn.Conv2d(16, 8, 3),
        )
        self.stages_1_0_cbam = CBAM(channels=16)

    def forward(self, x):
        out = x
        for layer in self.stages[0:2]:
            if layer is self.stages[1]:
                for sublayer in layer:
                    out = sublayer(out)
                    if sublayer is layer[0]:
                        out = self.stages_1_0_cbam(out)
            else:
                out = layer(out)
        return self.stages[2:](out)
