import torch
from torch import nn
from torch.nn.utils import remove_weight_norm, weight_norm


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.pre = weight_norm(nn.Conv1d(8, width, 3, padding=1))
        self.post = weight_norm(nn.Conv1d(width, 1, 3, padding=1))

    def forward(self, x):
        x = self.pre(x)
        x = torch.relu(x)
        return self.post(x)

    def remove_weight_norm(self):
        remove_weight_norm(self.pre)
        remove_weight_norm(self.post)
