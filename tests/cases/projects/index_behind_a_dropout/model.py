import torch.nn as nn



class FeedForward(nn.Module):
    def __init__(self, dim, hidden, drop=0.0):
        super().__init__()
        first, last = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        if drop:
            self.net = nn.Sequential(first, nn.GELU(), nn.Dropout(drop), last)
        else:
            self.net = nn.Sequential(first, nn.GELU(), last)

    def forward(self, x):
        return self.net(x)


class Net(nn.Module):
    def __init__(self, dim, drop=0.0):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.feed = FeedForward(dim, 2 * dim, drop)

    def forward(self, x):
        return x + self.feed(self.norm(x))
