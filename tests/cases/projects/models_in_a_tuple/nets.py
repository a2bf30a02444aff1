import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.stem(x)
        return self.head(x.mean((2, 3)))


class Critic(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.score = nn.Linear(width, 1)

    def forward(self, x):
        return self.score(x)


def build(data="flowers", wide=False):
    assert data in ("flowers", "birds")
    names = ["stem", "head"]
    model = Net(32 if wide else 16, 4 if data == "flowers" else 8)
    return names, model, Critic(model.head.out_features)
