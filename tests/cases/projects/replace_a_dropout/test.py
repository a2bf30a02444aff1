import torch
from model import Net

net = Net()
net.load_state_dict(torch.load("weights.pt"), strict=True)
