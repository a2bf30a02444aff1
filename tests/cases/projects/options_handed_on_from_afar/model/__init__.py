from importlib import import_module

from torch import nn


class Model(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.model = import_module("model." + args.model).make_model(args)

    def forward(self, x):
        return self.model(x)
