import torch.nn as nn

from nets.body import make_body


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.body = make_body(width)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        x = self.body(x)
        return self.head(x)
