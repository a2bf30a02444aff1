from torch import nn


class Branches(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(one, one, 3, padding=1) for one in widths])

    def forward(self, xs):
        return [conv(x) for conv, x in zip(self.convs, xs)]


class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        widths = cfg["widths"]
        self.stems = nn.ModuleList([nn.Conv2d(3, one, 3, padding=1) for one in widths])
        self.stage, out_widths = self.make_stage(widths)
        self.heads = nn.ModuleList([nn.Conv2d(one, 8, 1) for one in out_widths])

    def make_stage(self, widths):
        return nn.Sequential(Branches(widths)), list(widths)

    def forward(self, x):
        ys = self.stage([stem(x) for stem in self.stems])
        return sum(head(y) for head, y in zip(self.heads, ys))
