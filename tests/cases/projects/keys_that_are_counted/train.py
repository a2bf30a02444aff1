import sys

import torch

from model import Net

if __name__ == "__main__":
    weights = torch.load("published.pt") if "--pretrained" in sys.argv else None
    model = Net() if weights is None else Net.from_other(weights)
    model(torch.randint(30, (2, 5))).mean().backward()
    print("trained")
