# flags: attention-gate --after model.conv --with model.stem
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        x = self.last(x)
        return x
# output
import torch
import torch.nn as nn
from blocks.attention_gate import AttentionGate


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.conv_attention_gate = AttentionGate(
            channels=2 * width, gate_channels=width
        )
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        stem_out = x
        x = self.conv(x)
        x = self.conv_attention_gate(x, stem_out)
        x = self.last(x)
        return x
