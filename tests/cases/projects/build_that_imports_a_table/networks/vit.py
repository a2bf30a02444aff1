import torch.nn as nn

from . import configs


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(config["hidden"], config["hidden"]) for _ in range(2)])
        self.norm = nn.LayerNorm(config["hidden"])

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x)
        return self.norm(x)


class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed = nn.Conv2d(3, config["hidden"], 8, 8)
        self.encoder = Encoder(config)
        self.head = nn.Linear(config["hidden"], 4)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        return self.head(self.encoder(x).mean(1))


CONFIGS = {
    "base": configs.get_base_config(),
}
