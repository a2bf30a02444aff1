import torch.nn as nn


class Embed(nn.Module):
    """Sixteen tokens of a signal of 32 steps."""

    def __init__(self, dim, steps=32):
        super().__init__()
        self.steps = steps
        self.cut = nn.Conv1d(6, dim, 2, stride=2)

    def forward(self, x):
        assert x.shape[2] == self.steps
        return self.cut(x).transpose(1, 2)


class Mixer(nn.Module):
    def __init__(self, dim=24, count=16):
        super().__init__()
        self.embed = Embed(dim)
        self.mix = nn.Linear(count, count)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, 3)

    def forward(self, x):
        x = self.embed(x)
        x = x + self.mix(x.transpose(1, 2)).transpose(1, 2)
        return self.out(self.norm(x).mean(1))
