from torch import nn


def make_body(kind, width):
    if kind == "plain":
        return nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU())
    if kind == "deep":
        return nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, width * 2, 1))
    raise NotImplementedError(kind)
