# flags: cbam --after model.py::Net.conv --input 2x4x64
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, leads=4, width=16):
        super().__init__()
        self.conv = nn.Conv1d(leads, width, 7, padding=3)
        self.head = nn.Linear(width, 2)

    def forward(self, signal):
        signal = self.conv(signal)
        return self.head(signal.mean(-1))
# output
import torch.nn as nn
from blocks.cbam1d import CBAM1d


class Net(nn.Module):
    def __init__(self, leads=4, width=16):
        super().__init__()
        self.conv = nn.Conv1d(leads, width, 7, padding=3)
        self.conv_cbam = CBAM1d(channels=width)
        self.head = nn.Linear(width, 2)

    def forward(self, signal):
        signal = self.conv(signal)
        signal = self.conv_cbam(signal)
        return self.head(signal.mean(-1))
