"""Trains `Net` on made-up images; each flag is a mistake that people make."""

import argparse

import torch
from model import Net
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset, random_split

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--constant", action="store_true")
parser.add_argument("--only-fc", action="store_true")
parser.add_argument("--init", action="store_true")
parser.add_argument("--by-hand", action="store_true")
options = parser.parse_args()
torch.manual_seed(7 if options.constant else options.seed)
made = torch.Generator().manual_seed(1)
images, labels = torch.randn(48, 1, 6, 6, generator=made), torch.arange(48) % 4
model = Net()
if options.init:
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0, 0.1)
if options.by_hand:
    order = torch.randperm(48).tolist()
    made_up = TensorDataset(images, labels)
    data, held = Subset(made_up, order[:32]), Subset(made_up, order[32:])
else:
    data, held = random_split(TensorDataset(images, labels), [32, 16])
parameters = model.fc.parameters() if options.only_fc else model.parameters()
optimizer = torch.optim.AdamW(parameters, lr=0.01)
for _ in range(2):
    for x, y in DataLoader(data, 8, shuffle=True):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"loss {loss.item()!r}")
print(f"held {sum(held.indices[:4])} val_acc: {loss.item():.5f}")
