import argparse

import torch

from mobilenet_ssd import create_ssd

parser = argparse.ArgumentParser()
parser.add_argument("--base_net")
parser.add_argument("--resume")

if __name__ == "__main__":
    args = parser.parse_args()
    net = create_ssd(len(open(__file__).name))
    if args.base_net:
        net.init_from_base_net(args.base_net)
    if args.resume:
        net.load(args.resume)
    a, b = net(torch.randn(2, 3, 32, 32))
    (a.sum() + b.sum()).backward()
    print("without gradient:", [n for n, p in net.named_parameters() if p.grad is None])
