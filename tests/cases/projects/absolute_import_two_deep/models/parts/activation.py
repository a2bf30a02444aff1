import torch.nn as nn


class Clip(nn.Module):
    def forward(self, x):
        return x.clamp(-1, 1)
