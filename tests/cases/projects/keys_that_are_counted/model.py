import torch
from torch import nn


class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, width)

    def forward(self, x):
        return x + self.up(self.norm(x))


class Net(nn.Module):
    def __init__(self, width=16, depth=2):
        super().__init__()
        self.embed = nn.Embedding(30, width)
        self.layers = nn.ModuleList([Layer(width) for _ in range(depth)])
        self.head = nn.Linear(width, 30)

    def forward(self, tokens):
        x = self.embed(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)

    @classmethod
    def from_other(cls, other):
        """Copies the weights of another library's model, which has the same names."""
        model = cls()
        mine = model.state_dict()
        theirs = other.state_dict()
        assert len(theirs) == len(mine), f"mismatched keys: {len(theirs)} != {len(mine)}"
        for key in theirs:
            with torch.no_grad():
                mine[key].copy_(theirs[key])
        return model
