import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, cin=2, residual_channels=32, dilation_channels=32, blocks=2, layers=2):
        super().__init__()
        self.layers = blocks * layers
        self.start = nn.Conv2d(cin, residual_channels, 1)
        self.filter_convs = nn.ModuleList()
        self.residual_convs = nn.ModuleList()
        self.bn = nn.ModuleList()
        for b in range(blocks):
            for i in range(layers):
                self.filter_convs.append(nn.Conv2d(residual_channels, dilation_channels, 1))
                self.residual_convs.append(nn.Conv2d(dilation_channels, residual_channels, 1))
                self.bn.append(nn.BatchNorm2d(residual_channels))
        self.end = nn.Conv2d(residual_channels, 12, 1)

    def forward(self, x):
        x = self.start(x)
        for i in range(self.layers):
            residual = x
            x = torch.tanh(self.filter_convs[i](residual))
            x = self.residual_convs[i](x)
            x = x + residual
            x = self.bn[i](x)
        return self.end(x)
