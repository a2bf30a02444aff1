# flags: cbam --after model.py::Net.conv1
# refused: bypasses-call
from torch import nn


class Net(nn.Module):
    def __init__(self, times=1):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3)
        self.times = times

    def run(self, layer, x):
        if x.shape[0] > 99:
            return self.times * (layer(x) if layer is not None else x)
        return layer(x)

    def forward(self, x):
        return self.run(self.conv1, x)
