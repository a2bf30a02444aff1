# flags: se --after model.py::Net.conv
import torch
from torch import nn


class Net(nn.Module):
    """Takes the layer's result under another name."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, kernel_size=3, padding=1)
        self.out = nn.Conv2d(channels, 4, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.conv(x)
        # the residual is what the classifier sees
        return self.out(features)
# output
import torch
from torch import nn
from blocks.se import SE


class Net(nn.Module):
    """Takes the layer's result under another name."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, kernel_size=3, padding=1)
        self.conv_se = SE(channels=channels)
        self.out = nn.Conv2d(channels, 4, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.conv(x)
        features = self.conv_se(features)
        # the residual is what the classifier sees
        return self.out(features)
