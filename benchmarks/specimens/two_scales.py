"""Two features of 128 channels, at the size of the image and at half of it."""

from torch import nn


class TwoScales(nn.Module):
    def __init__(self, width=128, classes=4):
        super().__init__()
        self.coarse = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.fine = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image):
        coarse = self.coarse(image)
        fine = self.fine(image)
        return self.head(fine), coarse
