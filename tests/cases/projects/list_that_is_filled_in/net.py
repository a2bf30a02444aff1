from torch import nn


class Coder(nn.Module):
    def __init__(self, channels, latent, hidden=None):
        super().__init__()
        if hidden is None:
            hidden = [8, 16, 32]
        layers = []
        for width in hidden:
            layers.append(nn.Sequential(nn.Conv2d(channels, width, 3, 2, 1), nn.BatchNorm2d(width), nn.LeakyReLU()))
            channels = width
        self.encoder = nn.Sequential(*layers)
        self.mean = nn.Linear(hidden[-1] * 16, latent)
        self.start = nn.Linear(latent, hidden[-1] * 16)
        hidden.reverse()
        layers = []
        for i in range(len(hidden) - 1):
            layers.append(nn.Sequential(nn.ConvTranspose2d(hidden[i], hidden[i + 1], 4, 2, 1), nn.LeakyReLU()))
        self.decoder = nn.Sequential(*layers)
        self.last = nn.Conv2d(hidden[-1], 3, 3, padding=1)

    def encode(self, x):
        return self.mean(self.encoder(x).flatten(1))

    def decode(self, z):
        x = self.start(z)
        return self.last(self.decoder(x.view(len(x), -1, 4, 4)))

    def forward(self, x):
        return self.decode(self.encode(x))


class Sampler(Coder):
    def encode(self, x):
        x = self.encoder(x)
        return self.mean(x.flatten(1)) * 2
