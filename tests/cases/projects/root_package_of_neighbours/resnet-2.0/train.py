import torch
from nets import Net

Net()(torch.rand(2, 3, 16, 16)).sum().backward()
