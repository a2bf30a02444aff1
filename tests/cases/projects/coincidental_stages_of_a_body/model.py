import torch.nn as nn



def make_body(cfg):
    layers = [nn.Conv2d(3, cfg.width, 3, padding=1)]
    for _ in range(cfg.stages):
        layers += [nn.Conv2d(cfg.width, cfg.width, 3, padding=1), nn.ReLU()]
    layers.append(nn.Conv2d(cfg.width, cfg.width * cfg.growth, 1))
    return nn.Sequential(*layers)


class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.body = make_body(cfg)
        self.head = nn.Conv2d(cfg.width * cfg.growth, 2, 1)

    def forward(self, x):
        x = self.body(x)
        return self.head(x)
