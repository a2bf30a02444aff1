import json
from pathlib import Path

import torch.nn as nn


class Net(nn.Module):
    def __init__(self, path):
        super().__init__()
        config = json.loads(Path(path).read_text())
        self.conv = nn.Conv2d(3, config['width'], 3)
        self.head = nn.Conv2d(config['width'], 2, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.head(x)
