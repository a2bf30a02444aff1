import torch
from net import Net

print(Net()(torch.rand(2, 3, 32, 32)).shape)
