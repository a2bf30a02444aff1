from torch import nn


class Two(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.a = nn.Conv2d(cin, cout, 3, padding=1)
        self.b = nn.Conv2d(cout, cout, 3, padding=1)

    def forward(self, x):
        return self.b(self.a(x))


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = Two(3, width)
        self.deep = Two(width, 2 * width)
        self.head = nn.Conv2d(2 * width, 5, 1)

    def forward(self, x):
        return self.head(self.deep(self.stem(x)))
