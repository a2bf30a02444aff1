import torch

from model import Net, NetConfig

vocabulary = 50
width = 48
bias = False
exec(open("overrides.py").read()) if False else None

arguments = dict(width=width, bias=bias, vocabulary=None)
arguments["vocabulary"] = vocabulary if vocabulary is not None else 64
config = NetConfig(**arguments)
model = Net(config)
model(torch.randint(50, (2, 5))).mean().backward()
print("trained")
