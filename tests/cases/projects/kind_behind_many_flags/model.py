from torch import nn


class Net(nn.Module):
    def __init__(self, width=8, a=True, b=True, c=True, d=True, e=True, f=True, kind="1conv"):
        super().__init__()
        self.flags = (a, b, c, d, e, f)
        if kind == "1conv":
            self.body = nn.Conv2d(3, width, 3, padding=1)
        elif kind == "3conv":
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, width, 1))
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
