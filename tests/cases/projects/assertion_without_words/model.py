from torch import nn


class Neck(nn.Module):
    def __init__(self, widths=(16, 32)):
        super().__init__()
        self.widths = widths
        self.projections = nn.ModuleList(nn.Conv2d(width, 8, 1) for width in widths)

    def forward(self, features):
        assert len(features) == len(self.widths)
        return [project(one) for project, one in zip(self.projections, features)]
