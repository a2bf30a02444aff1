from torch import nn

from Net.net import Body


class Net(nn.Module):
    def __init__(self, inputs, outputs, widths):
        super().__init__()
        self.body = Body(inputs, widths)
        self.linear = nn.Linear(widths[-1], outputs)

    def forward(self, x):
        return self.linear(self.body(x)[:, :, -1])
