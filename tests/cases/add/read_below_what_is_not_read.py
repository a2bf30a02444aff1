# flags: se --after model.py::Net.features.unit1.squeeze --no-prove
# refused: channels-unknown
import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.squeeze = nn.Conv2d(width, width, 1)

    def forward(self, x):
        return x + self.squeeze(x)


class Apart(nn.Sequential):
    def __init__(self, run):
        super().__init__()
        self.run = run

    def forward(self, x):
        for layer in self:
            x = self.run(layer, x)
        return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = Apart(lambda layer, x: layer(x))
        for i in range(2):
            self.features.add_module("unit%d" % i, Unit(3))

    def forward(self, x):
        return self.features(x)
