"""Trains the model to tell in which direction the stripes of a noisy image run.

python train.py [STEPS]     goes on from weights.pt, where there is one
"""

import math
import os
import sys

import torch
from torch import nn

from model import resnet14

DIRECTIONS = 8
WEIGHTS = "weights.pt"


def stripes(count, size=32):
    """Images of shape (count, 3, size, size) and the number of each one's direction."""
    labels = torch.randint(DIRECTIONS, (count,))
    angle = (labels * math.pi / DIRECTIONS).view(-1, 1, 1)
    phase = 2 * math.pi * torch.rand(count, 1, 1)
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    waves = torch.sin(0.8 * (rows * angle.sin() + columns * angle.cos()) + phase)
    return waves.unsqueeze(1) + 2 * torch.randn(count, 3, size, size), labels


def train(steps):
    torch.manual_seed(0)
    model = resnet14(num_classes=DIRECTIONS)
    if os.path.exists(WEIGHTS):
        model.load_state_dict(torch.load(WEIGHTS))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for step in range(1, steps + 1):
        images, labels = stripes(32)
        logits = model(images)
        loss = nn.functional.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            accuracy = (logits.argmax(1) == labels).float().mean()
            print(f"step {step:3}  loss {loss:.3f}  accuracy {accuracy:.0%}")
    torch.save(model.state_dict(), WEIGHTS)


if __name__ == "__main__":
    train(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
