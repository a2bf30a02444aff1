import torch
from torch import nn


class LayerNorm(nn.Module):
    def __init__(self, width, eps=1e-12):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.beta = nn.Parameter(torch.zeros(width))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        variance = x.var(-1, unbiased=False, keepdim=True)
        return self.gamma * (x - mean) / torch.sqrt(variance + self.eps) + self.beta


class FeedForward(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.linear2(torch.relu(self.linear1(x)))


class Layer(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.mix = nn.Linear(width, width)
        self.norm1 = LayerNorm(width)
        self.ffn = FeedForward(width, hidden)
        self.norm2 = LayerNorm(width)

    def forward(self, x):
        x = self.norm1(x + self.mix(x))
        return self.norm2(x + self.ffn(x))


class Net(nn.Module):
    def __init__(self, words=50, width=32, hidden=64, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(words, width)
        self.layers = nn.ModuleList([Layer(width, hidden) for _ in range(layers)])
        self.head = nn.Linear(width, words)

    def forward(self, tokens):
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)
