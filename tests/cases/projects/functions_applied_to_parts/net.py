from torch import nn


def started(module):
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, std=0.01)
        module.bias.data.zero_()


class Heads(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.score = nn.Conv2d(width, 2, 1)
        self.box = nn.Conv2d(width, 4, 1)
        self.box.apply(started)
        self.apply(started)

    def forward(self, x):
        return self.score(x), self.box(x)


class Finder(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.body = nn.ModuleList([nn.Conv2d(3, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)])
        self.heads = Heads(width)
        self.body[0].apply(started)

    def forward(self, x):
        for layer in self.body:
            x = layer(x)
        return self.heads(x)
