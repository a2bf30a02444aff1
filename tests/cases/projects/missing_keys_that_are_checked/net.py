from torch import nn


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.stage = nn.Conv2d(3, 16, 3, padding=1)
        self.fc = nn.Linear(16, classes)

    def forward(self, x):
        return self.fc(self.stage(x).mean((2, 3)))
