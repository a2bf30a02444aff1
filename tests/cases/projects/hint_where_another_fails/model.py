import torch.nn as nn


class Detector(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.project = nn.Conv2d(3, width, 1)

    def forward(self, x):
        return self.project(x)


class PostProcess(nn.Module):
    def forward(self, boxes, sizes):
        return boxes * sizes[:, 7]
