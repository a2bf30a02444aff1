import torch.nn as nn
from torchvision.models import MobileNet_V3_Small_Weights, mobilenet_v3_small


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = mobilenet_v3_small(weights=MobileNet_V3_Small_Weights.DEFAULT).features
        self.head = nn.Conv2d(576, 4, 1)

    def forward(self, x):
        x = self.features(x)
        return self.head(x)
