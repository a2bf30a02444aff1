import torch.nn as nn



class Head(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x).relu()


class Tail(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3)
        self.out = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.out(x)
