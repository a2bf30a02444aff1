from torch import nn

from .encoder import *


class Finder(nn.Module):
    def __init__(self, names, queries=5, size="narrow"):
        super().__init__()
        self.encoder, width = narrow() if size == "narrow" else wide()
        self.encoder.take_queries(queries)
        self.scores = nn.Linear(width, len(names) + 1)

    def forward(self, images):
        return self.scores(self.encoder(images))


def build(options):
    names = open(options.names).read().split()
    return Finder(names, options.queries, size=options.size)
