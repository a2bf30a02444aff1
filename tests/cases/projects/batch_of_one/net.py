import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(32, classes, 1)

    def forward(self, x):
        x = self.stem(x)
        x = self.down(x)
        return self.head(x)


if __name__ == "__main__":
    net = Net()
    net(torch.randn(2, 3, 32, 32)).mean().backward()
