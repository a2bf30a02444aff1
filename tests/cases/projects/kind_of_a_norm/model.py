from torch import nn


def block(cin, cout, order):
    conv, norm = nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d
    if order == "pre":
        return nn.Sequential(norm(cin), nn.ReLU(), conv)
    return nn.Sequential(conv, norm(cout), nn.ReLU()) if order == "post" else nn.Sequential(conv)


class Net(nn.Module):
    def __init__(self, width, order="post"):
        super().__init__()
        assert order in ("pre", "post", "none")
        self.block = block(3, width, order)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        return self.head(self.block(x))
