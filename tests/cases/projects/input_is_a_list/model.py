import torch
import torch.nn as nn



class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, inputs):
        image, mask = inputs
        x = self.conv(image)
        return self.head(x * mask)
