import os
import sys

import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib.net import Net

print(Net()(torch.rand(1, 3, 12, 12)).shape)
