# flags: cbam --after model.py::Net.conv --build Net()
# refused: unsupported
import torch
from torch import nn

if hasattr(torch, "nn"):

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 16, 3)

        def forward(self, x):
            return self.conv(x)

else:

    class Net(nn.Module):
        pass
