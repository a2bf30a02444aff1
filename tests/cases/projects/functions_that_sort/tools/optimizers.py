import a_package_that_is_not_here
import torch
from torch import nn

NORMS = ("BatchNorm2d", "LayerNorm")


def kind(module):
    return "norm" if type(module).__name__ in NORMS else "other"


def parameter_groups(model, lr, momentum=0.9):
    decay, plain = [], []
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            decay.append(module.weight)
            if module.bias is not None:
                plain.append(module.bias)
        elif kind(module) == "norm":
            plain += [module.weight, module.bias]
    return [{"params": decay, "lr": lr}, {"params": plain, "lr": lr, "weight_decay": 0.0}]


def build(cfg):
    return a_package_that_is_not_here.build(cfg)
