import torch.nn as nn


class Net(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, dim, 3, padding=1)
        self.latent = nn.Conv2d(dim, dim, 3, padding=1)
        self.output = nn.Conv2d(dim, 3, 3, padding=1)

    def forward(self, x):
        return self.output(self.latent(self.patch_embed(x))) + x
