import json
import pathlib

import torch
from torch import nn

WEIGHTS = pathlib.Path(__file__).parent / "weights.json"


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 1, 1)
        self.stage1 = nn.Sequential(nn.Conv2d(1, 16, 1), nn.ReLU())
        self.load_state_dict({k: torch.tensor(v) for k, v in json.loads(WEIGHTS.read_text()).items()})

    def forward(self, x):
        return self.stage1(self.stem(x))
