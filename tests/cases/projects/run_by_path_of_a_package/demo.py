import os
from runpy import run_path

import torch

load_arch = run_path(os.path.join("basics", "archs", "net_arch.py"))
model = load_arch["Net"](dim=32)
print(model(torch.randn(1, 3, 16, 16)).shape)
