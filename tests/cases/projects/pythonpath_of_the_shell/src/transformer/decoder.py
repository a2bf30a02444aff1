import torch.nn as nn

from utils import lengths


class Decoder(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.emb = nn.Embedding(30, width)
        self.dropout = nn.Dropout(0.1)
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 30)

    def forward(self, tokens):
        x = self.dropout(self.emb(tokens) * lengths(tokens) ** 0.5)
        return self.out(self.norm(x))
