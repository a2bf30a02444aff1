# flags: cbam --after model.layers.1.same
import torch.nn.functional as F
from torch import Tensor, nn


class SameConv(nn.Conv2d):
    def __init__(self, inputs: int, outputs: int, kernel_size: int) -> None:
        super().__init__(inputs, outputs, kernel_size)
        if kernel_size > 1:
            self.same = nn.ZeroPad2d(kernel_size // 2)
        else:
            self.same = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.same(x)
        return F.conv2d(x, self.weight, self.bias)


class Net(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for number in range(3):
            self.layers.append(SameConv(3 if not number else width, width, 3))
            # width *= 2
        self.head = SameConv(width, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu()
        return self.head(x).mean((2, 3))
# output
import torch.nn.functional as F
from torch import Tensor, nn
from blocks.cbam import CBAM


class SameConv(nn.Conv2d):
    def __init__(self, inputs: int, outputs: int, kernel_size: int) -> None:
        super().__init__(inputs, outputs, kernel_size)
        if kernel_size > 1:
            self.same = nn.ZeroPad2d(kernel_size // 2)
        else:
            self.same = nn.Identity()
        self.same_cbam = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.same(x)
        x = self.same_cbam(x)
        return F.conv2d(x, self.weight, self.bias)


class Net(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for number in range(3):
            self.layers.append(SameConv(3 if not number else width, width, 3))
            # width *= 2
        self.layers[1].same_cbam = CBAM(channels=width)
        self.head = SameConv(width, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu()
        return self.head(x).mean((2, 3))
