# flags: swish --after model.py::Net.encoder.layers.0.linear2 --attach --input 2x5x16
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x):
        return self.encoder(x)
# output
import torch.nn as nn
from blocks.swish import Swish


def run_swish(layer, args, output):
    """Forward hook: the block attached to the layer takes its output."""
    return layer.swish(output)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.encoder.layers[0].linear2.swish = Swish()
        self.encoder.layers[0].linear2.register_forward_hook(run_swish)

    def forward(self, x):
        return self.encoder(x)
