import torch
import torch.nn as nn



class Compare(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.embed = nn.Conv2d(3, width, 3)
        self.merge = nn.Conv2d(2 * width, width, 1)
        self.head = nn.Linear(width, 1)

    def forward(self, pair):
        first, second = pair
        x = torch.cat([self.embed(first), self.embed(second)], 1)
        x = self.merge(x)
        return self.head(x.mean((2, 3)))
