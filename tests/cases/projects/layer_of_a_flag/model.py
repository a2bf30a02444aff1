from torch import nn


class Net(nn.Module):
    def __init__(self, width=16, extra=False):
        super().__init__()
        self.has_extra = extra
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        if extra:
            self.extra = nn.Conv2d(width, width, 3, padding=1)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.stem(x)
        if self.has_extra:
            x = self.extra(x)
        return self.head(x.mean((2, 3)))
