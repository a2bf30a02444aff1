from torch import nn


class ConvBNReLU(nn.Sequential):
    def __init__(self, cin, cout, stride=1):
        super().__init__(
            nn.Conv2d(cin, cout, 3, stride, 1, bias=False),
            nn.BatchNorm2d(cout),
            nn.ReLU6(inplace=True),
        )


class Named(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__()
        self.add_module("conv", nn.Conv2d(cin, cout, 3, 1, 1))
        self.add_module("norm", nn.BatchNorm2d(cout))
        self.act = nn.ReLU()


class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.stem = ConvBNReLU(3, width, 2)
        self.body = nn.Sequential(ConvBNReLU(width, width), Named(width, 2 * width))
        self.head = nn.Linear(2 * width, 10)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))


class Root(nn.Sequential):
    def __init__(self, width=32):
        super().__init__()
        self.add_module("stem", ConvBNReLU(3, width, 2))
        self.add_module("body", Named(width, 2 * width))
        self.pool = nn.AdaptiveAvgPool2d(1)


class ByName(nn.Module):
    """Calls the children of a Sequential itself."""

    def __init__(self, width=32):
        super().__init__()
        self.parts = Parts(3, width)

    def forward(self, x):
        x = self.parts.conv(x)
        return self.parts.act(x)


class Parts(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, 1, 1)
        self.act = nn.ReLU()
