import torch
from torch import nn


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 16, 3)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = self.trunk(x)
        return self.head(x.mean((2, 3)))

    def distance(self, one, other):
        return (self.trunk(one) - self.trunk(other)).abs().mean()


if __name__ == "__main__":
    model = Siamese()
    print(model(torch.rand(2, 3, 9, 9)).shape, model.distance(*torch.rand(2, 2, 3, 9, 9)))
