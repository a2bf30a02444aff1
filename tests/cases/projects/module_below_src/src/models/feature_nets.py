from torch import nn


class FeatExtraction(nn.Module):
    def __init__(self, feature_dim):
        super().__init__()
        self.prepool = nn.Sequential(nn.Conv1d(3, feature_dim * 2, 1), nn.ReLU())
        self.postpool = nn.Conv1d(feature_dim * 2, feature_dim, 1)

    def forward(self, xyz):
        return self.postpool(self.prepool(xyz.transpose(1, 2))).transpose(1, 2)
