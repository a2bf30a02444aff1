import torch.nn as nn


class Net(nn.Module):
    def __init__(self, num_classes=4):
        super().__init__()
        self.base = nn.Conv2d(3, 32, 3)
        self.classifier = nn.Linear(32, num_classes)

    def forward(self, x):
        return self.classifier(self.base(x).mean((2, 3)))
