from torch import nn


class ConvBlock(nn.Module):
    def __init__(self, cin, cout, norm="in"):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, 1, 1)
        self.norm = nn.InstanceNorm2d(cout) if norm == "in" else None

    def forward(self, x):
        x = self.conv(x)
        return self.norm(x) if self.norm is not None else x


class ResBlock(nn.Module):
    def __init__(self, dim, norm="in"):
        super().__init__()
        model = []
        model += [ConvBlock(dim, dim, norm=norm)]
        model += [ConvBlock(dim, dim, norm=norm)]
        self.model = nn.Sequential(*model)

    def forward(self, x):
        residual = x
        out = self.model(x)
        out += residual
        return out


class Gen(nn.Module):
    def __init__(self, dim=32, n_res=2):
        super().__init__()
        self.stem = nn.Conv2d(3, dim, 3, 2, 1)
        self.res = nn.Sequential(*[ResBlock(dim) for _ in range(n_res)])

    def forward(self, x):
        return self.res(self.stem(x))


class Appending(nn.Module):
    """The same with a list that is appended to, and other widths inside."""

    def __init__(self, dim, hidden, norm="in"):
        super().__init__()
        layers = []
        layers.append(ConvBlock(dim, hidden, norm=norm))
        layers.append(ConvBlock(hidden, dim, norm=norm))
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.body(x)


class Net(nn.Module):
    def __init__(self, width=24, hidden=24):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, 2, 1)
        self.one = Appending(width, hidden)

    def forward(self, x):
        return self.one(self.stem(x))
