from torch import nn

from .encoder import *


class Finder(nn.Module):
    def __init__(self, num_classes, queries=5, size="narrow"):
        super().__init__()
        self.encoder, width = narrow() if size == "narrow" else wide()
        self.encoder.take_queries(queries)
        self.scores = nn.Linear(width, num_classes + 1)

    def forward(self, images):
        return self.scores(self.encoder(images))


def build(options):
    count = 20 if options.data == "voc" else 80
    return Finder(count, options.queries, size=options.size)
