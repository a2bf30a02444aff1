from torch import nn


class Down(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, 2, 1)

    def forward(self, x):
        return self.conv(x).relu()


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = Down(3, width)
        self.head = nn.Conv2d(width, 5, 1)

    def forward(self, x):
        return self.head(self.stem(x))
