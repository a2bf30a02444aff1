import torch
from models.net import Net

print(Net("configs/wide.json")(torch.rand(2, 3, 16, 16)).shape)
