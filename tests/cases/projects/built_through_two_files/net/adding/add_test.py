import argparse
import sys

import torch

sys.path.append("../../")
from net.adding.model import TCN

parser = argparse.ArgumentParser()
parser.add_argument("--nhid", type=int, default=30)
parser.add_argument("--levels", type=int, default=3)
parser.add_argument("--dropout", type=float, default=0.0)
args = parser.parse_args()
input_channels = 2
n_classes = 1
channel_sizes = [args.nhid] * args.levels
dropout = args.dropout
model = TCN(input_channels, n_classes, channel_sizes, dropout=dropout)

if __name__ == "__main__":
    print(model(torch.randn(4, 2, 50)).shape)
