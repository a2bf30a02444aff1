import torch.nn as nn



class Stage(nn.Module):
    def __init__(self, inp, oup, norm=True):
        super().__init__()
        layers = [nn.Conv2d(inp, inp, 3, padding=1, groups=inp)]
        if norm:
            layers.append(nn.BatchNorm2d(inp))
        layers += [nn.ReLU(), nn.Conv2d(inp, oup, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


class Net(nn.Module):
    def __init__(self, width, norm=True):
        super().__init__()
        self.stage = Stage(8, width, norm)

    def forward(self, x):
        return self.stage(x)
