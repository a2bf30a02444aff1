# flags: cbam --after model.py::Net.conv --set reduction=8
# block: cbam
# refused: already-there
import torch.nn as nn

from blocks.cbam import CBAM


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.conv_cbam = CBAM(channels=width)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv_cbam(x)
        return x
