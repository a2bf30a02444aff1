from torch import nn


class Slim(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        if cfg["arch"] == "slim":
            self.body = Slim()
        elif cfg["arch"] == "wide":
            self.body = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU())
        else:
            raise ValueError(cfg["arch"])
        self.head = nn.LazyConv2d(cfg["classes"], 1)

    def forward(self, x):
        x = self.body(x)
        return self.head(x)
