from torch import nn


class Plain(nn.Module):
    expansion = 1

    def __init__(self, cin, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, planes, 3, stride, 1)
        self.bn1 = nn.BatchNorm2d(planes)

    def forward(self, x):
        return self.bn1(self.conv1(x)).relu()


class Neck(nn.Module):
    expansion = 4

    def __init__(self, cin, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, planes, 1)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes * 4, 3, stride, 1)
        self.bn2 = nn.BatchNorm2d(planes * 4)

    def forward(self, x):
        return self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()


class ResNet(nn.Module):
    def __init__(self, block, depths, classes=10):
        super().__init__()
        self.width = 8
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.layer1 = self._layer(block, 8, depths[0])
        self.layer2 = self._layer(block, 16, depths[1])
        self.layer3 = self._layer(block, 32, depths[2])
        self.fc = nn.Linear(32 * block.expansion, classes)

    def _layer(self, block, planes, depth):
        layers = []
        for number in range(depth):
            layers.append(block(self.width, planes, 1 if number else 2))
            self.width = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        return self.fc(self.layer3(self.layer2(self.layer1(self.stem(x)))).mean((2, 3)))


def resnet_small():
    return ResNet(Plain, [2, 2, 2])


def resnet_large():
    return ResNet(Neck, [2, 2, 2])
