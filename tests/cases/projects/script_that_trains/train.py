import argparse

import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, required=True)
args = parser.parse_args()


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.hidden = nn.Linear(6, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        x = self.hidden(x)
        return self.out(x)


net = Net(8)
descent = torch.optim.SGD(net.parameters(), lr=0.1)
for step in range(args.steps):
    descent.zero_grad()
    loss = net(torch.rand(4, 6)).pow(2).mean()
    loss.backward()
    descent.step()
assert loss >= 0
