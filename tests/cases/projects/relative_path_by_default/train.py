import torch
from nets.model import Net

print(Net()(torch.rand(2, 3, 16, 16)).shape)
