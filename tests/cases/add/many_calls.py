# flags: se --after model.py::Net.conv
# refused: many-calls
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv(x)
        return x
