import torch
from torch import nn


class Layer(nn.Sequential):
    def __init__(self, features, growth):
        super().__init__()
        self.norm = nn.BatchNorm2d(features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(features, growth, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.cat([x, super().forward(x)], 1)


class Transition(nn.Sequential):
    def __init__(self, features, half, *, drop=False):
        super().__init__()
        self.norm = nn.BatchNorm2d(features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(features, half, 1, bias=False)
        if drop:
            self.drop = nn.Dropout2d(0.1)
        self.pool = nn.AvgPool2d(2)


class Dense(nn.Module):
    def __init__(self, growth=12, layers=(2, 2), classes=10, drop=False):
        super().__init__()
        features = 2 * growth
        self.stem = nn.Conv2d(3, features, 3, 2, 1)
        self.body = nn.Sequential()
        for number, count in enumerate(layers):
            for index in range(count):
                self.body.add_module(f"layer{number}_{index}", Layer(features, growth))
                features += growth
            self.body.add_module(f"transition{number}", Transition(features, features // 2, drop=drop))
            features //= 2
        self.head = nn.Linear(features, classes)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))
