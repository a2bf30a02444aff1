# flags: se --after model.py::Net.two.conv
from torch import Tensor
from torch.nn import Conv2d, Module, ReLU


class Pair(Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = Conv2d(channels, 2 * channels, 3)
        self.act = ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


class Net(Module):
    def __init__(self):
        super().__init__()
        self.one = Pair(3)
        self.two = Pair(6)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one(x))
# output
from torch import Tensor
from torch.nn import Conv2d, Module, ReLU
from torch.nn import Identity
from blocks.se import SE


class Pair(Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv = Conv2d(channels, 2 * channels, 3)
        self.conv_se = Identity()
        self.act = ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv_se(self.conv(x)))


class Net(Module):
    def __init__(self):
        super().__init__()
        self.one = Pair(3)
        self.two = Pair(6)
        self.two.conv_se = SE(channels=self.two.conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one(x))
