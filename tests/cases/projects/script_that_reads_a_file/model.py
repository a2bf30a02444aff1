import sys

import torch.nn as nn

with open(sys.argv[1]) as file:
    names = [line.strip() for line in file]
numbers = {name: number for number, name in enumerate(names)}
assert len(numbers) == len(names), "a name comes twice"


class Classifier(nn.Module):
    def __init__(self, classes, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        x = self.conv(x)
        return self.fc(x.mean((2, 3)))


model = Classifier(len(names))
