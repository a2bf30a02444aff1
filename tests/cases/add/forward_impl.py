# flags: cbam --after model.py::Net.stem
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, in_channels: int = 3, dim: int = 24) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, dim, 4, stride=4)
        self.norm = nn.BatchNorm2d(dim)
        self.head = nn.Linear(dim, 10)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.norm(x)

    def _forward_impl(self, x: torch.Tensor) -> torch.Tensor:
        x = self.forward_features(x)
        return self.head(x.mean(dim=(2, 3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._forward_impl(x)
# output
import torch
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, in_channels: int = 3, dim: int = 24) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, dim, 4, stride=4)
        self.stem_cbam = CBAM(channels=dim)
        self.norm = nn.BatchNorm2d(dim)
        self.head = nn.Linear(dim, 10)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.stem_cbam(x)
        return self.norm(x)

    def _forward_impl(self, x: torch.Tensor) -> torch.Tensor:
        x = self.forward_features(x)
        return self.head(x.mean(dim=(2, 3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._forward_impl(x)
