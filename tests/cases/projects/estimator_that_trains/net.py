import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.head(x.mean((2, 3)))


class Learner(nn.Module):
    """Builds without arguments as well: it is no model to be run."""

    def __init__(self):
        super().__init__()
        self.model = Net()

    def forward(self, folder):
        with open(folder) as file:
            return file.read()

    def train(self, epochs=3):
        open("trained.txt", "a").close()
        optimizer = torch.optim.SGD(self.parameters(), 0.1)
        for _ in range(epochs):
            self.model(torch.rand(2, 3, 8, 8)).mean().backward()
            optimizer.step()


class Estimator:
    def __init__(self, width):
        self.model = Net(width)

    def train(self, epochs=3):
        open("trained.txt", "a").close()
        for _ in range(epochs):
            self.model(torch.rand(2, 3, 8, 8)).mean().backward()
