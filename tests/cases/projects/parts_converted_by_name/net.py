from torch import nn

from helpers import as_half, plain_start


class Mixed(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.middle = nn.Linear(width, width)
        self.head = nn.Linear(width, 4)
        self.middle.apply(plain_start)

    def to_half(self):
        self.embed.apply(as_half)
        for part in (self.middle,):
            part.apply(as_half)

    def to_whole(self):
        self.middle.float()

    def forward(self, x):
        kind = x.dtype
        x = self.embed(x.type(self.embed.weight.dtype))
        return self.head(self.middle(x).type(kind))
