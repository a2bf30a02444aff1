# flags: se --before model.py::Net.layers.2
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3),
            nn.ReLU(),
            nn.Conv2d(16, 8, 3),
        )

    def forward(self, images):
        out = self.layers(images)
        return out.flatten(1).sum(1)
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 3),
            nn.ReLU(),
            nn.Conv2d(16, 8, 3),
        )
        self.layers_2_se = SE(channels=16)

    def forward(self, images):
        out = images
        for layer in self.layers:
            if layer is self.layers[2]:
                out = self.layers_2_se(out)
            out = layer(out)
        return out.flatten(1).sum(1)
