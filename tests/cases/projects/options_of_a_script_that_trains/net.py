from torch import nn


class Net(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.body = nn.Conv2d(3, args.width, 3, padding=1)
        self.head = nn.Conv2d(args.width, 2, 1)

    def forward(self, x):
        return self.head(self.body(x))
