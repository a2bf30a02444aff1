from torch import nn


class Net(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.embed = nn.Embedding(50, width)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        return self.head(self.norm(self.embed(x)).mean(1))
