import argparse

import torch

from net import Generator

parser = argparse.ArgumentParser()
parser.add_argument("--norm_G", type=str, default="spectralinstance", help="instance or spectralinstance")
parser.add_argument("--ngf", type=int, default=16)

if __name__ == "__main__":
    opt = parser.parse_args()
    print(Generator(opt)(torch.randn(1, 3, 16, 16)).shape)
