# flags: mhsa --after model.second.to_v --set num_heads=2
from torch import nn


class Processor:
    def __call__(self, attention, x):
        q, k, v = attention.to_q(x), attention.to_k(x), attention.to_v(x)
        weights = (q @ k.transpose(1, 2)).softmax(-1)
        return attention.to_out(weights @ v)


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim * 2)
        self.to_out = nn.Linear(dim * 2, dim)
        self.processor = Processor()

    def forward(self, x):
        return self.processor(self, x)


class Net(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.embed = nn.Conv2d(3, dim, 4, stride=4)
        self.first = Attention(dim)
        self.second = Attention(dim)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = x + self.first(x)
        return (x + self.second(x)).mean(1)
# output
from torch import nn
from blocks.mhsa import MultiheadSelfAttention


class Processor:
    def __call__(self, attention, x):
        q, k, v = attention.to_q(x), attention.to_k(x), attention.to_v_mhsa(attention.to_v(x))
        weights = (q @ k.transpose(1, 2)).softmax(-1)
        return attention.to_out(weights @ v)


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.to_q = nn.Linear(dim, dim)
        self.to_k = nn.Linear(dim, dim)
        self.to_v = nn.Linear(dim, dim * 2)
        self.to_v_mhsa = nn.Identity()
        self.to_out = nn.Linear(dim * 2, dim)
        self.processor = Processor()

    def forward(self, x):
        return self.processor(self, x)


class Net(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.embed = nn.Conv2d(3, dim, 4, stride=4)
        self.first = Attention(dim)
        self.second = Attention(dim)
        self.second.to_v_mhsa = MultiheadSelfAttention(
            channels=self.second.to_v.out_features, num_heads=2
        )

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = x + self.first(x)
        return (x + self.second(x)).mean(1)
