import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1))
        self.head = nn.Conv2d(32, classes, 1)

    def forward(self, x):
        return self.head(self.body(x))

    def groups(self):
        decay, plain = [], []
        for name, parameter in self.named_parameters():
            if parameter.dim() == 1:
                plain.append(parameter)
            elif parameter.dim() == 4:
                decay.append(parameter)
            else:
                raise ValueError(f"what is {name}?")
        return decay, plain
