import torch.nn as nn
from models.parts import activation


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.act = activation.Clip()
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.head(self.act(x))
