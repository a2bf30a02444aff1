# flags: se --after model.features.0 --inside --set reduction=4
# refused: unsupported
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3))
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        for number in range(3):
            x = self.features[number](x)
        return self.head(x.mean((2, 3)))
