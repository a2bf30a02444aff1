import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, 2, batch_first=True)

    def forward(self, x, return_attention=False):
        y = self.norm(x)
        y, attn = self.attn(y, y, y)
        if return_attention:
            return attn
        return x + y


class ViT(nn.Module):
    def __init__(self, embed_dim=16, depth=2, size=16):
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dim, 4, 4)
        self.cls = nn.Parameter(torch.randn(1, 1, embed_dim))
        self.blocks = nn.ModuleList([Block(embed_dim) for _ in range(depth)])
        self.norm = nn.LayerNorm(embed_dim)

    def tokens(self, x):
        x = self.proj(x).flatten(2).transpose(1, 2)
        return torch.cat((self.cls.expand(x.shape[0], -1, -1), x), dim=1)

    def forward(self, x):
        x = self.tokens(x)
        for blk in self.blocks:
            x = blk(x)
        return self.norm(x)[:, 0]

    def intermediate(self, x, n=1):
        x = self.tokens(x)
        output = []
        for i, blk in enumerate(self.blocks):
            x = blk(x)
            if len(self.blocks) - i <= n:
                output.append(self.norm(x))
        return output

    def last_attention(self, x):
        x = self.tokens(x)
        for i, blk in enumerate(self.blocks):
            if i < len(self.blocks) - 1:
                x = blk(x)
            else:
                return blk(x, return_attention=True)
