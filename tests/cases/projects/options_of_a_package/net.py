from torch import nn


class Stage(nn.Module):
    def __init__(self, before, width, norm):
        super().__init__()
        self.conv = nn.Conv2d(before, width, 3, 2, 1)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.conv(x)).relu()


class Classifier(nn.Module):
    def __init__(self, options):
        super().__init__()
        widths = [options.width * stage for stage in options.stages]
        self.stages = nn.Sequential(
            *[Stage(before, width, options.norm) for before, width in zip([3, *widths], widths)]
        )
        self.head = nn.Linear(widths[-1], options.classes)

    def forward(self, x):
        return self.head(self.stages(x).mean((2, 3)))
