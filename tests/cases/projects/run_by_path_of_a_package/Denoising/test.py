import sys

sys.path.insert(0, ".")

import torch
from basics.archs.net_arch import Net

print(Net()(torch.randn(1, 3, 16, 16)).shape)
