# flags: cbam --after model.py::Net.body.relu@all --attach --input 2x3x16x16
# One hook runs at all calls that the installed package makes of the layer.
import torch.nn as nn
from torchvision.models.resnet import BasicBlock


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.body = BasicBlock(width, width)

    def forward(self, x):
        return self.body(self.stem(x))
# output
# One hook runs at all calls that the installed package makes of the layer.
import torch.nn as nn
from torchvision.models.resnet import BasicBlock
from blocks.cbam import CBAM


def run_cbam(layer, args, output):
    """Forward hook: the block attached to the layer takes its output."""
    return layer.cbam(output)


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3)
        self.body = BasicBlock(width, width)
        self.body.relu.cbam = CBAM(channels=width)
        self.body.relu.register_forward_hook(run_cbam)

    def forward(self, x):
        return self.body(self.stem(x))
