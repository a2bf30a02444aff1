import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 16, 3)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = self.trunk(x)
        return self.head(x.mean((2, 3)))

    def extract_features(self, x):
        return self.trunk(x).mean((2, 3))


if __name__ == "__main__":
    model = Net()
    print(model(torch.rand(2, 3, 9, 9)).shape, model.extract_features(torch.rand(2, 3, 9, 9)).shape)
