import torch
import torch.nn as nn


class SSD(nn.Module):
    def __init__(self, base_net, tap=2):
        super().__init__()
        self.base_net = base_net
        self.tap = tap
        self.head0 = nn.Conv2d(32, 4, 1)
        self.head1 = nn.Conv2d(32, 4, 1)

    def forward(self, x):
        for layer in self.base_net[:self.tap]:
            x = layer(x)
        conv = getattr(self.base_net[self.tap], "conv")
        for layer in conv[:2]:
            x = layer(x)
        y = x
        for layer in conv[2:]:
            x = layer(x)
        for layer in self.base_net[self.tap + 1:]:
            x = layer(x)
        return self.head0(y), self.head1(x)

    def init_from_base_net(self, path):
        self.base_net.load_state_dict(torch.load(path), strict=True)

    def load(self, path):
        self.load_state_dict(torch.load(path))
