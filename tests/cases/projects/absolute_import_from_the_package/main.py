import torch
import nets.head

print(nets.head.Net(24)(torch.rand(1, 3, 8, 8)).shape)
