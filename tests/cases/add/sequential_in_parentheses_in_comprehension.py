# flags: cbam --after model.py::Net.a.0
from torch import nn


class Net(nn.Module):
    def __init__(self, deep=True):
        super().__init__()
        self.deep = deep
        self.a = nn.Sequential(nn.Conv2d(3, 16, 1), nn.ReLU())
        self.b = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())

    def forward(self, *images):
        return [( self.a if self.deep else self.b )(image) for image in images]
# output
from torch import nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, deep=True):
        super().__init__()
        self.deep = deep
        self.a = nn.Sequential(nn.Conv2d(3, 16, 1), nn.ReLU())
        self.a_0_cbam = CBAM(channels=16)
        self.b = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())

    def forward(self, *images):
        return [(
            (self.a if self.deep else self.b)[1:](
                self.a_0_cbam((self.a if self.deep else self.b)[:1](image))
            )
            if (self.a if self.deep else self.b) is self.a
            else ( self.a if self.deep else self.b )(image)
        ) for image in images]
