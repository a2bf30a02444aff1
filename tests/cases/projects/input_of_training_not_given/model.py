import torch.nn.functional as F
from torch import nn


class Detector(nn.Module):
    """In train mode it takes the targets as well, and gives the losses."""

    def __init__(self, width=8):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, images, targets=None):
        boxes = self.head(self.body(images)).mean((2, 3))
        if not self.training:
            return boxes
        if targets is None:
            raise ValueError("targets are needed in training mode")
        wanted = sum(target["boxes"] for target in targets)
        return {"loss": F.mse_loss(boxes, wanted.expand_as(boxes))}
