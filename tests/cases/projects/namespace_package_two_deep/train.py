import torch
from nets.vision.net import Net

net = Net(24)
print(net(torch.rand(2, 3, 16, 16)).shape)
