import torch
from torch import nn


class Det(nn.Module):
    def __init__(self, num_classes=20):
        super().__init__()
        self.conv5 = nn.Conv2d(3, 16, 3, 2, 1)
        self.bn = nn.BatchNorm2d(16)
        self.head = nn.Conv2d(16, num_classes, 1)

    def forward(self, inputs):
        if len(inputs) == 2:
            is_training = True
            img_batch, annotations = inputs
        else:
            is_training = False
            img_batch = inputs
        y = self.head(self.bn(self.conv5(img_batch)))
        if is_training:
            return (y.mean() - annotations.mean()) ** 2
        return y
