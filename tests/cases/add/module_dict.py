# flags: se --after model.py::Net.paths.fine
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.paths = nn.ModuleDict(
            {"fine": nn.Conv2d(3, dim, 1), "coarse": nn.Conv2d(3, dim, 3, padding=1)}
        )

    def forward(self, x):
        fine = self.paths["fine"](x)
        return fine + self.paths["coarse"](x)
# output
import torch.nn as nn
from blocks.se import SE


class Net(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.paths = nn.ModuleDict(
            {"fine": nn.Conv2d(3, dim, 1), "coarse": nn.Conv2d(3, dim, 3, padding=1)}
        )
        self.paths_fine_se = SE(channels=dim)

    def forward(self, x):
        fine = self.paths["fine"](x)
        fine = self.paths_fine_se(fine)
        return fine + self.paths["coarse"](x)
