from torch import nn


class Body(nn.Module):
    def __init__(self, depth):
        super().__init__()
        widths = {18: 8, 50: 32}
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.last = nn.Conv2d(8, widths[depth], 1)
        self.out = widths[depth]

    def forward(self, x):
        return self.last(self.stem(x))


class Net(nn.Module):
    def __init__(self, layers=18, classes=3):
        super().__init__()
        self.body = Body(layers)
        self.head = nn.Linear(self.body.out, classes)

    def forward(self, x):
        x = self.body(x)
        return self.head(x.mean((2, 3)))
