import numpy as np
from torch import nn


class Critic(nn.Module):
    def __init__(self, options):
        super().__init__()
        width = options["width"]
        layers = [nn.Conv2d(3, width, 3, padding=1)]
        for _ in range(options["depth"]):
            wider = np.min([width * 2, 256])
            layers += [nn.Conv2d(width, wider, 3, padding=1), nn.LeakyReLU()]
            width = np.min([width * 2, 256])
        wider = np.min([width * 2, 256])
        layers += [nn.Conv2d(width, wider, 3, padding=1)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Conv2d(wider, 10, 1))

    def forward(self, x):
        return self.head(self.body(x))
