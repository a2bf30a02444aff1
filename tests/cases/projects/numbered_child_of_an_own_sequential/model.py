from torch import nn


class Net(nn.Sequential):
    def __init__(self, width=32):
        super().__init__(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.Conv2d(width, 4, 1))
