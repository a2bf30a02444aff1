import torch
from torch import nn


class Embed(nn.Module):
    def __init__(self, channels, width, stride):
        super().__init__()
        self.proj = nn.Conv2d(channels, width, 3, stride, 1)

    def forward(self, x):
        x = self.proj(x)
        _, _, height, width = x.shape
        return x.flatten(2).transpose(1, 2), height, width


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.local = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x, H, W):
        B, N, C = x.shape
        y = self.local(self.norm(x).transpose(1, 2).view(B, C, H, W))
        return x + y.flatten(2).transpose(1, 2)


class Encoder(nn.Module):
    """Stages of tokens, whose sizes change from stage to stage under the same names."""

    def __init__(self, widths=(16, 24), depth=2):
        super().__init__()
        before = (3, *widths)
        self.embeds = nn.ModuleList(Embed(c, w, 2) for c, w in zip(before, widths))
        self.stages = nn.ModuleList(nn.ModuleList(Block(w) for _ in range(depth)) for w in widths)
        self.norm = nn.LayerNorm(widths[-1])

    def forward(self, x):
        batch = x.shape[0]
        for embed, stage in zip(self.embeds, self.stages):
            x, H, W = embed(x)
            for block in stage:
                x = block(x, H, W)
            if stage is not self.stages[-1]:
                x = x.reshape(batch, H, W, -1).permute(0, 3, 1, 2).contiguous()
        return self.norm(x)


class WithToken(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.mix = nn.Linear(width, width)

    def forward(self, x):
        x = self.patch(x)
        rows, columns = x.shape[2:]
        x = torch.cat([self.token.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], 1)
        x = self.mix(x)
        patches = x[:, 1:].unflatten(1, (rows, columns))
        return x[:, 0], patches


class Sized(nn.Module):
    """Hands the sizes on as a pair."""

    def __init__(self, width=16):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 2, 2)
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        x = self.patch(x)
        size = x.shape[2:]
        x = self.norm(x.flatten(2).transpose(1, 2))
        return x.transpose(1, 2).unflatten(2, size)
