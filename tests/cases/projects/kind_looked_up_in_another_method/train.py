import argparse

import torch

from model import Pair

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", default="small")
    args = parser.parse_args()
    model = Pair(base=args.base)
    print(model(torch.rand(2, 3, 16, 16)).shape)
