from torch import nn

from bodies import make_body


class Net(nn.Module):
    def __init__(self, kind="plain", width=16):
        super().__init__()
        self.body = make_body(kind, width)
        self.neck = nn.LazyConv2d(width, 1)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.body(x)
        x = self.neck(x)
        return self.head(x.mean((2, 3)))
