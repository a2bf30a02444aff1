import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 32, 3, 2, 1), nn.Conv2d(32, 128, 3, 2, 1)])
        self.output_conv = nn.Conv2d(128, num_classes, 1)  # only in encoder mode

    def forward(self, input, predict=False):
        output = input
        for layer in self.layers:
            output = layer(output)
        if predict:
            output = self.output_conv(output)
        return output


class Net(nn.Module):
    def __init__(self, num_classes, encoder=None):
        super().__init__()
        if encoder == None:
            self.encoder = Encoder(num_classes)
        else:
            self.encoder = encoder
        self.decoder = nn.Conv2d(128, num_classes, 3, padding=1)

    def forward(self, input, only_encode=False):
        if only_encode:
            return self.encoder.forward(input, predict=True)
        else:
            output = self.encoder(input)
            return self.decoder.forward(output)
