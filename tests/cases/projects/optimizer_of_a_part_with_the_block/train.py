import itertools

import torch
from model import Net

net = torch.nn.DataParallel(Net())
inner = net.module
optimizer = torch.optim.Adam(
    itertools.chain(inner.stem.parameters(), net.module.stage.parameters(), inner.head.parameters())
)
net(torch.rand(2, 3, 16, 16)).pow(2).mean().backward()
optimizer.step()
