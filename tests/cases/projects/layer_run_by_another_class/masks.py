import torch.nn as nn


class WithMasks(nn.Module):
    def __init__(self, detector):
        super().__init__()
        self.detector = detector
        self.masks = nn.Conv2d(8, 1, 1)

    def forward(self, x):
        # The boxes are of no interest here.
        features = self.detector.project(x)
        return self.masks(features)
