import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1)

    def forward(self, x):
        return self.conv2(F.relu(self.conv1(x)))


class BottleneckBlock(nn.Module):
    expansion = 4

    def __init__(self, cin, cout, stride):
        super().__init__()
        mid = cout // self.expansion
        self.conv1 = nn.Conv2d(cin, mid, 1)
        self.conv2 = nn.Conv2d(mid, mid, 3, stride, 1)
        self.conv3 = nn.Conv2d(mid, cout, 1)

    def forward(self, x):
        return self.conv3(F.relu(self.conv2(F.relu(self.conv1(x)))))


class Network(nn.Module):
    def __init__(self, config):
        super().__init__()
        block_type = config.block_type
        depth = config.depth
        if block_type == 'basic':
            block = BasicBlock
            assert depth % 6 == 2
        else:
            block = BottleneckBlock
            assert depth % 9 == 2
        n_channels = [
            config.initial_channels,
            config.initial_channels * 2 * block.expansion,
            config.initial_channels * 4 * block.expansion,
        ]
        self.conv = nn.Conv2d(3, n_channels[0], 3, padding=1)
        self.stage2 = self._make_stage(n_channels[0], n_channels[1], block)
        self.stage3 = self._make_stage(n_channels[1], n_channels[2], block)
        self.bn = nn.BatchNorm2d(n_channels[2])
        self.fc = nn.Linear(n_channels[2], 10)

    def _make_stage(self, in_channels, out_channels, block):
        stage = nn.Sequential()
        stage.add_module('block1', block(in_channels, out_channels, stride=2))
        return stage

    def forward(self, x):
        x = self.stage3(self.stage2(self.conv(x)))
        x = F.relu(self.bn(x))
        return self.fc(x.mean((2, 3)))
