import torch
from models.parts.net import Net

print(Net()(torch.rand(1, 3, 8, 8)).shape)
