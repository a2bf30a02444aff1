# flags: cbam --after model.py::Net.body
import torch.nn as nn
from torch.utils.checkpoint import checkpoint


class Net(nn.Module):
    """Saves memory while it trains."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.body = nn.Conv2d(16, 16, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        if self.training:
            x = checkpoint(self.body, x, use_reentrant=False)
        else:
            x = self.body(x)
        return x
# output
import torch.nn as nn
from torch.utils.checkpoint import checkpoint
from blocks.cbam import CBAM


class Net(nn.Module):
    """Saves memory while it trains."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.body = nn.Conv2d(16, 16, 3, padding=1)
        self.body_cbam = CBAM(channels=16)

    def forward(self, x):
        x = self.stem(x)
        if self.training:
            x = checkpoint(self.body, x, use_reentrant=False)
            x = self.body_cbam(x)
        else:
            x = self.body(x)
            x = self.body_cbam(x)
        return x
