import torch.nn as nn


class InvertedResidual(nn.Module):
    def __init__(self, inp, oup, stride):
        super().__init__()
        self.use_res = stride == 1 and inp == oup
        self.conv = nn.Sequential(
            nn.Conv2d(inp, inp * 2, 1), nn.ReLU(), nn.Conv2d(inp * 2, oup, 3, stride, 1))

    def forward(self, x):
        return x + self.conv(x) if self.use_res else self.conv(x)


class MobileNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            InvertedResidual(3, 16, 2), InvertedResidual(16, 16, 1), InvertedResidual(16, 32, 2), InvertedResidual(32, 32, 1))
        self.classifier = nn.Linear(32, classes)

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))
