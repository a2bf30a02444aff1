import torch.nn as nn


def make_body(width):
    return nn.Conv2d(3, width, 3)
