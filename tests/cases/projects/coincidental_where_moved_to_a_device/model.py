import torch
from torch import nn


class Mix(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.mlp = nn.Conv2d(2 * c_in, c_out, 1)

    def forward(self, x, links):
        return self.mlp(torch.cat([x, torch.einsum("ncvl,vw->ncwl", x, links)], 1))


class Waves(nn.Module):
    def __init__(self, device, places, taken=2, residual=32, inner=32, depth=2):
        super().__init__()
        self.links = nn.Parameter(torch.rand(places, places).to(device))
        self.start = nn.Conv2d(taken, residual, 1)
        self.filters = nn.ModuleList()
        self.norms = nn.ModuleList()
        self.mixes = nn.ModuleList()
        for _ in range(depth):
            self.filters.append(nn.Conv2d(residual, inner, 1))
            self.norms.append(nn.BatchNorm2d(residual))
            self.mixes.append(Mix(inner, residual))
        self.end = nn.Conv2d(residual, 12, 1)

    def forward(self, x):
        x = self.start(x)
        for i, mix in enumerate(self.mixes):
            x = x + mix(torch.tanh(self.filters[i](x)), self.links)
            x = self.norms[i](x)
        return self.end(x)
