from encoder import Encoder
from torch import nn


class Flow(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(24)
        self.head = nn.Conv2d(24, 2, 1)

    def forward(self, x):
        return self.head(self.encoder(x))
