import sys

import torch

from net import get_net

if __name__ == "__main__":
    for depth in map(int, sys.argv[1:] or ("18", "50")):
        get_net(depth, {"heat": 4, "size": 2})(torch.randn(2, 3, 32, 32))["heat"].mean().backward()
        print(depth, "ok")
