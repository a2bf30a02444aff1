from dataclasses import dataclass

from torch import nn


@dataclass
class Config:
    base: int = 8
    growth: int = 2
    classes: int = 16
    seed: int = 16


def make_body(cfg):
    layers = []
    width = 3
    for step in range(2):
        layers.append(nn.Conv2d(width, cfg.base * cfg.growth**step, 3, padding=1))
        width = cfg.base * cfg.growth**step
    return nn.Sequential(*layers)


class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.body = make_body(cfg)
        self.head = nn.Linear(self.body[-1].out_channels, cfg.classes)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
