import torch

from env.agent import Agent

agent = Agent()
agent(torch.rand(1, 4, 5, 5))
assert not [name for name, _ in agent.named_parameters() if "conv" not in name]
