import torch.nn as nn


class Trunk(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.body = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return self.body(self.stem(x))
