import torch.nn as nn
from layers import Conv


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.body = Conv(3, width)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        x = self.body(x)
        return self.head(x)
