# file: train.py
# flags: swish --after train.py::model.linear1 --attach --input 2x5x16
# The model of an installed class: nothing is trained, and the block moves with the model.
import torch
from torch import nn

device = "cpu"
model = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).to(device)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(3):
    raise SystemExit("training")
# output
# The model of an installed class: nothing is trained, and the block moves with the model.
import torch
from torch import nn
from blocks.swish import Swish


def run_swish(layer, args, output):
    """Forward hook: the block attached to the layer takes its output."""
    return layer.swish(output)


device = "cpu"
model = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True).to(device)
model.linear1.swish = Swish().to(device)
model.linear1.register_forward_hook(run_swish)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(3):
    raise SystemExit("training")
