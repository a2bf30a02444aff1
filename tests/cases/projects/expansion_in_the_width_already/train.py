import sys
from types import SimpleNamespace

import torch
from model import Network


def get_config(block_type="basic", depth="14"):
    return SimpleNamespace(block_type=block_type, initial_channels=16, depth=int(depth))


if __name__ == "__main__":
    print(Network(get_config(*sys.argv[1:]))(torch.randn(2, 3, 32, 32)).shape)
