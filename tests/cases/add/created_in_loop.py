# flags: cbam --after model.py::Net.conv2
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8, depth=3):
        super().__init__()
        channels = 3
        for index in range(depth):
            setattr(self, f"conv{index + 1}", nn.Conv2d(channels, width << index, 3, padding=1))
            channels = width << index

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        x = self.conv3(x)
        return x
# output
import torch.nn as nn
from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=8, depth=3):
        super().__init__()
        channels = 3
        for index in range(depth):
            setattr(self, f"conv{index + 1}", nn.Conv2d(channels, width << index, 3, padding=1))
            channels = width << index
        self.conv2_cbam = CBAM(channels=self.conv2.out_channels)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        x = self.conv2_cbam(x)
        x = self.conv3(x)
        return x
