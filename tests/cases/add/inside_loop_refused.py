# flags: se --after model.features.2 --inside --set reduction=4
# refused: unsupported
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        layers = [nn.Conv2d(3, 16, 3)]
        for _ in range(3):
            layers += [nn.ReLU(), nn.Conv2d(16, 16, 1)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
