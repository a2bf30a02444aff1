import argparse

import torch
from model import Net

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--in_shape", default=[10, 1, 64, 64], type=int, nargs="*")
    parser.add_argument("--hid", default=24, type=int)
    opt = parser.parse_args()
    net = Net(opt)
    print(net(torch.randn(1, 10, 16, 16)).shape)
