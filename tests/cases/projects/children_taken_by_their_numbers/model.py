from torch import nn


class Stem(nn.Sequential):
    def __init__(self, width=32):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)

    def norm_weights(self):
        return self[1].weight
