import torch.nn as nn



class Mlp(nn.Module):
    def __init__(self, dim, ratio=2):
        super().__init__()
        self.first = nn.Linear(dim, ratio * dim)
        self.last = nn.Linear(ratio * dim, dim)

    def forward(self, x):
        x = self.first(x).relu()
        return self.last(x)


class Encoder(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.mlp = Mlp(dim)

    def forward(self, x):
        return x + self.mlp(self.norm(x))


class Net(nn.Module):
    def __init__(self, words, dim):
        super().__init__()
        self.embed = nn.Embedding(words, dim)
        self.encoder = Encoder(dim)

    def forward(self, x):
        return self.encoder(self.embed(x))
