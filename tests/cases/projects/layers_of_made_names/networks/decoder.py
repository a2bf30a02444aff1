import torch.nn as nn
import torch


class Decoder(nn.Module):
    def __init__(self, latent_size, dims, latent_in=()):
        super(Decoder, self).__init__()
        dims = [latent_size + 3] + dims + [1]
        self.num_layers = len(dims)
        self.latent_in = latent_in
        for layer in range(0, self.num_layers - 1):
            out_dim = dims[layer + 1] - dims[0] if layer + 1 in latent_in else dims[layer + 1]
            setattr(self, "lin" + str(layer), nn.Linear(dims[layer], out_dim))
        self.relu = nn.ReLU()

    def forward(self, input):
        x = input
        for layer in range(0, self.num_layers - 1):
            lin = getattr(self, "lin" + str(layer))
            if layer in self.latent_in:
                x = torch.cat([x, input], 1)
            x = lin(x)
            if layer < self.num_layers - 2:
                x = self.relu(x)
        return x
