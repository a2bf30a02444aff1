# flags: cbam --after model.py::Net.body.0.body.1@all
from torch import nn


class Block(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(16, 16, 1), act, nn.Conv2d(16, 16, 1))

    def forward(self, x):
        res = self.body(x)
        res += x
        return res


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        act = nn.ReLU(True)
        self.head = nn.Conv2d(3, 16, 3)
        self.body = nn.Sequential(*[Block(act) for _ in range(3)])

    def forward(self, x):
        return self.body(self.head(x))
# output
from torch import nn
from blocks.cbam import CBAM


class Block(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(16, 16, 1), act, nn.Conv2d(16, 16, 1))

    def forward(self, x):
        res = x
        for layer in self.body:
            res = layer(res)
            if hasattr(layer, "cbam"):
                res = layer.cbam(res)
        res += x
        return res


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        act = nn.ReLU(True)
        self.head = nn.Conv2d(3, 16, 3)
        self.body = nn.Sequential(*[Block(act) for _ in range(3)])
        self.body[0].body[1].cbam = CBAM(channels=self.body[0].body[0].out_channels)

    def forward(self, x):
        return self.body(self.head(x))
