import torch.nn as nn



class Decoder(nn.Module):
    def __init__(self, latent, out_channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(latent, latent, 2, stride=2)
        self.out = nn.Conv2d(latent, out_channels, 1)

    def forward(self, x):
        x = self.up(x)
        return self.out(x)


class Encoder(nn.Module):
    def __init__(self, in_channels, latent):
        super().__init__()
        self.down = nn.Conv2d(in_channels, latent, 2, stride=2)

    def forward(self, x):
        return self.down(x)
