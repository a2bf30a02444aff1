import torch
from net import Net3d

print(Net3d()(torch.rand(1, 1, 8, 8, 8)).argmax(1).shape)
