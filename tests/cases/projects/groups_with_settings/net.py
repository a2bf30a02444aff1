import inspect

import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Embedding(20, width)
        self.mix = nn.Linear(width, width)
        self.head = nn.Linear(width, 20)

    def forward(self, tokens):
        return self.head(self.mix(self.embed(tokens)).relu())

    def configure_optimizers(self, weight_decay, learning_rate, betas, device_type):
        parameters = {name: one for name, one in self.named_parameters() if one.requires_grad}
        groups = [
            {"params": [one for one in parameters.values() if one.dim() == 2], "weight_decay": weight_decay},
            {"params": [one for one in parameters.values() if one.dim() == 1], "weight_decay": 0.0},
        ]
        fused = device_type == "cuda" and "fused" in inspect.signature(torch.optim.AdamW).parameters
        return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, fused=fused)
