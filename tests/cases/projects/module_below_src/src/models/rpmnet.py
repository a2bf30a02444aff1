import argparse
from torch import nn

from models.feature_nets import FeatExtraction


class RPMNet(nn.Module):
    def __init__(self, args: argparse.Namespace):
        super().__init__()
        self.add_slack = not args.no_slack
        self.feat_extractor = FeatExtraction(args.feat_dim)

    def forward(self, xyz):
        return self.feat_extractor(xyz)


def get_model(args: argparse.Namespace) -> RPMNet:
    return RPMNet(args)
