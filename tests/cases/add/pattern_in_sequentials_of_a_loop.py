# flags: cbam --after model.py::Net.pairs.*.1.0
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.pairs = nn.ModuleList(
            [
                nn.ModuleList([nn.Conv2d(16, 16, 1), nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU())])
                for _ in range(2)
            ]
        )

    def forward(self, x):
        x = self.stem(x)
        for mix, act in self.pairs:
            x = x + mix(x)
            x = x + act(x)
        return x
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3)
        self.pairs = nn.ModuleList(
            [
                nn.ModuleList([nn.Conv2d(16, 16, 1), nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU())])
                for _ in range(2)
            ]
        )
        self.pairs_0_1_0_cbam = CBAM(channels=16)
        self.pairs_1_1_0_cbam = CBAM(channels=16)

    def forward(self, x):
        x = self.stem(x)
        for mix, act in self.pairs:
            x = x + mix(x)
            if act is self.pairs[0][1]:
                out = x
                for layer in act:
                    out = layer(out)
                    if layer is act[0]:
                        out = self.pairs_0_1_0_cbam(out)
            elif act is self.pairs[1][1]:
                out = x
                for layer in act:
                    out = layer(out)
                    if layer is act[0]:
                        out = self.pairs_1_1_0_cbam(out)
            else:
                out = act(x)
            x = x + out
        return x
