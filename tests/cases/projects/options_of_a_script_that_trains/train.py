from types import SimpleNamespace

import torch
from net import Net

args = SimpleNamespace(width=12)
model = Net(args)
for _ in range(3):
    model(torch.rand(1, 3, 8, 8)).sum().backward()
open("trained.txt", "w").write("yes")
