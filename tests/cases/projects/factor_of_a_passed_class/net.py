import torch.nn as nn


class Plain(nn.Module):
    expansion = 1

    def __init__(self, cin, planes):
        super().__init__()
        self.conv = nn.Conv2d(cin, planes, 3, padding=1)

    def forward(self, x):
        return self.conv(x).relu()


class Neck(nn.Module):
    expansion = 4

    def __init__(self, cin, planes):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, planes, 1)
        self.conv2 = nn.Conv2d(planes, planes * self.expansion, 3, padding=1)

    def forward(self, x):
        return self.conv2(self.conv1(x).relu()).relu()


class PoseNet(nn.Module):
    def __init__(self, block, layers, heads):
        self.inplanes = 8
        super().__init__()
        self.heads = heads
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.layer1 = self._make_layer(block, 8, layers[0])
        self.layer2 = self._make_layer(block, 16, layers[1])
        self.up = nn.ConvTranspose2d(self.inplanes, 12, 2, 2)
        for head in sorted(heads):
            self.__setattr__(head, nn.Conv2d(12, heads[head], 1))

    def _make_layer(self, block, planes, blocks):
        layers = []
        for _ in range(blocks):
            layers.append(block(self.inplanes, planes))
            self.inplanes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.up(self.layer2(self.layer1(self.stem(x))))
        return {head: self.__getattr__(head)(x) for head in self.heads}


SPEC = {18: (Plain, [1, 1]), 50: (Neck, [1, 2])}


def get_net(num_layers, heads):
    block, layers = SPEC[num_layers]
    return PoseNet(block, layers, heads)
