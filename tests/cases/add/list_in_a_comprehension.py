# flags: se --after model.py::Net.heads.* --build Net([8,16])
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(3, width, 3) for width in widths])

    def forward(self, x):
        return [head(x) for head in self.heads]
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(3, width, 3) for width in widths])
        self.heads_se = nn.ModuleList(
            [SE(channels=widths[i]) for i in range(len(self.heads))]
        )

    def forward(self, x):
        return [head_se(head(x)) for head, head_se in zip(self.heads, self.heads_se)]
