# flags: model.py::Gate --after model.py::Net.conv
import torch.nn as nn


class Gate(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Conv2d(dim, dim, 1)

    def forward(self, x):
        return x * self.fc(x).sigmoid()


class Net(nn.Module):
    def __init__(self, dim=12):
        super().__init__()
        self.conv = nn.Conv2d(3, dim, 3)

    def forward(self, x):
        x = self.conv(x)
        return x.flatten(1)
# output
import torch.nn as nn


class Gate(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc = nn.Conv2d(dim, dim, 1)

    def forward(self, x):
        return x * self.fc(x).sigmoid()


class Net(nn.Module):
    def __init__(self, dim=12):
        super().__init__()
        self.conv = nn.Conv2d(3, dim, 3)
        self.conv_gate = Gate(dim=dim)

    def forward(self, x):
        x = self.conv(x)
        x = self.conv_gate(x)
        return x.flatten(1)
