import torch.nn as nn


class Unit(nn.Module):
    def __init__(self, inp, oup):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(inp, oup, 3, padding=1), nn.BatchNorm2d(oup), nn.ReLU())

    def forward(self, x):
        return self.conv(x)


class Small(nn.Module):
    def __init__(self, width=16, num_class=10):
        super().__init__()
        self.features = nn.Sequential(Unit(3, width), Unit(width, 2 * width))
        self.classifier = nn.Linear(2 * width, num_class)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))
