import argparse

import torch

from nets.face import Face
from settings import large, small

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, required=True)
parser.add_argument("--network", default="small")
args = parser.parse_args()

cfg = None
if args.network == "small":
    cfg = small
elif args.network == "large":
    cfg = large

width = cfg["width"]
assert width > 8

net = Face(cfg=cfg)
descent = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(args.steps):
    descent.zero_grad()
    net(torch.rand(2, 3, 16, 16)).mean().backward()
    descent.step()
