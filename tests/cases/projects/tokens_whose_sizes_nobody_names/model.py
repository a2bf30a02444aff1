from torch import nn


class Net(nn.Module):
    """Takes images of every size; where its tokens are normed, their height and width have no names."""

    def __init__(self, width=32):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 2, 2)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(x).mean(1))
