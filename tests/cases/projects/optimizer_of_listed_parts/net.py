import torch.nn as nn


class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.layer0 = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU())
        self.ppm = nn.Conv2d(32, 64, 3, padding=1)
        self.cls = nn.Conv2d(64, classes, 1)

    def forward(self, x):
        x = self.layer0(x)
        x = self.ppm(x)
        return self.cls(x)
