import torch.nn as nn


class Face(nn.Module):
    def __init__(self, cfg=None):
        super().__init__()
        width = cfg["width"]
        self.body = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        x = self.body(x)
        return self.head(x)
