from __future__ import annotations

import torch
from torch import nn


class VAE(nn.Module):
    """Takes images of 64 x 64 only; the widths must end in 512 (decode reshapes to that)."""

    def __init__(self, in_channels: int, latent_dim: int, hidden_dims: list = None, **kwargs) -> None:
        super().__init__()
        modules = []
        if hidden_dims is None:
            hidden_dims = [32, 64, 128, 256, 512]
        for width in hidden_dims:
            modules.append(nn.Sequential(nn.Conv2d(in_channels, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU()))
            in_channels = width
        self.encoder = nn.Sequential(*modules)
        self.mean = nn.Linear(hidden_dims[-1] * 4, latent_dim)
        self.back = nn.Linear(latent_dim, hidden_dims[-1] * 4)
        hidden_dims.reverse()
        up = []
        for i in range(len(hidden_dims) - 1):
            up.append(nn.Sequential(nn.ConvTranspose2d(hidden_dims[i], hidden_dims[i + 1], 3, stride=2, padding=1, output_padding=1), nn.ReLU()))
        self.decoder = nn.Sequential(*up)
        self.image = nn.Conv2d(hidden_dims[-1], 3, 3, padding=1)

    def encode(self, x):
        return self.mean(torch.flatten(self.encoder(x), 1))

    def decode(self, z):
        return self.image(self.decoder(self.back(z).view(-1, 512, 2, 2)))

    def forward(self, x, **kwargs):
        return [self.decode(self.encode(x)), x]
