from __future__ import absolute_import

from .networks.resnet import get_net

FACTORY = {"res": get_net}


def create_model(arch, heads):
    name, _, depth = arch.partition("_")
    return FACTORY[name](num_layers=int(depth), heads=heads)
