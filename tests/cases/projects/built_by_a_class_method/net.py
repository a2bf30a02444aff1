import torch.nn as nn


class Net(nn.Module):
    def __init__(self, widths=None):
        super().__init__()
        assert isinstance(widths, list), 'widths should be a list'
        self.stem = nn.Conv2d(3, widths[0], 3)
        self.head = nn.Conv2d(widths[0], widths[1], 1)

    def forward(self, x):
        return self.head(self.stem(x)).mean((2, 3))

    @classmethod
    def from_name(cls, name, **overrides):
        widths = {'b0': [32, 10], 'b1': [48, 10]}[name]
        return cls(widths)
