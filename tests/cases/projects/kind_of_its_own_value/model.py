from torch import nn


class Net(nn.Module):
    """With more blocks than two, the neck is a wider one."""

    def __init__(self, blocks=2, width=16):
        super().__init__()
        self.body = nn.Sequential(*[nn.Conv2d(3 if i == 0 else width, width, 3, padding=1) for i in range(blocks)])
        if blocks == 2:
            self.neck = nn.Conv2d(width, width, 1)
        else:
            self.neck = nn.Conv2d(width, 2 * width, 1)
        self.head = nn.Conv2d(self.neck.out_channels, 4, 1)

    def forward(self, x):
        return self.head(self.neck(self.body(x)))
