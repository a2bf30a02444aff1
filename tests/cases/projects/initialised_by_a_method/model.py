from torch import nn
from torch.nn import init


class Unit(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.block = nn.Sequential(nn.GroupNorm(4, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.initialize()

    def initialize(self):
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                init.xavier_uniform_(module.weight)
                init.zeros_(module.bias)

    def forward(self, x):
        return self.block(x) + self.shortcut(x)


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.units = nn.ModuleList([Unit(width, width), Unit(width, 2 * width)])
        self.tail = nn.Conv2d(2 * width, 3, 3, padding=1)

    def forward(self, x):
        x = self.head(x)
        for unit in self.units:
            x = unit(x)
        return self.tail(x)
