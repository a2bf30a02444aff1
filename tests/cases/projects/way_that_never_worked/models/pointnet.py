import torch
from .pooling import Pooling


class PointNet(torch.nn.Module):
    def __init__(self, emb_dims=256):
        super(PointNet, self).__init__()
        self.emb_dims = emb_dims
        self.conv1 = torch.nn.Conv1d(3, 64, 1)
        self.conv2 = torch.nn.Conv1d(64, emb_dims, 1)

    def forward(self, x):
        return self.conv2(torch.relu(self.conv1(x.permute(0, 2, 1))))
