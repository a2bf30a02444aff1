import torch

from model import Strided, Whole

trained = Strided(16)
evaluated = Whole(16)
optimizer = torch.optim.SGD(trained.parameters(), lr=0.1)
for epoch in range(2):
    trained(torch.rand(2, 4, 27)).mean().backward()
    optimizer.step()
    evaluated.load_state_dict(trained.state_dict())
    evaluated(torch.rand(2, 4, 27))
