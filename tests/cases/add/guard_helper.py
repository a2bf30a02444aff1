# flags: se --after model.layer2.0.conv
import torch
from torch import Tensor, nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1)
        self.shortcut = nn.Conv2d(inplanes, planes, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1)
        self.conv2 = nn.Conv2d(planes, planes * self.expansion, 3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2(self.conv1(x)))


class ResNet(nn.Module):
    def __init__(self, block: type, layers: list[int], num_classes: int = 10) -> None:
        super().__init__()
        self.inplanes = 8
        self.conv1 = nn.Conv2d(3, self.inplanes, 3, padding=1)
        self.layer1 = self._make_layer(block, 8, layers[0])
        self.layer2 = self._make_layer(block, 16, layers[1], stride=2)
        self.fc = nn.Linear(16 * block.expansion, num_classes)

    def _make_layer(self, block: type, planes: int, blocks: int, stride: int = 1) -> nn.Module:
        layers = [block(self.inplanes, planes, stride)]
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes))
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = x.mean((2, 3))
        return self.fc(x)


def small(**kwargs) -> ResNet:
    return ResNet(BasicBlock, [1, 1], **kwargs)


def deep(**kwargs) -> ResNet:
    return ResNet(Bottleneck, [1, 2], **kwargs)
# output
import torch
from torch import Tensor, nn
from blocks.se import SE


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inplanes, planes, 3, stride=stride, padding=1)
        self.conv_se = nn.Identity()
        self.shortcut = nn.Conv2d(inplanes, planes, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv_se(self.conv(x)) + self.shortcut(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 1)
        self.conv2 = nn.Conv2d(planes, planes * self.expansion, 3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2(self.conv1(x)))


class ResNet(nn.Module):
    def __init__(self, block: type, layers: list[int], num_classes: int = 10) -> None:
        super().__init__()
        self.inplanes = 8
        self.conv1 = nn.Conv2d(3, self.inplanes, 3, padding=1)
        self.layer1 = self._make_layer(block, 8, layers[0])
        self.layer2 = self._make_layer(block, 16, layers[1], stride=2)
        if getattr(self.layer2[0], "conv", None) is not None:
            self.layer2[0].conv_se = SE(channels=16)
        self.fc = nn.Linear(16 * block.expansion, num_classes)

    def _make_layer(self, block: type, planes: int, blocks: int, stride: int = 1) -> nn.Module:
        layers = [block(self.inplanes, planes, stride)]
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes))
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = x.mean((2, 3))
        return self.fc(x)


def small(**kwargs) -> ResNet:
    return ResNet(BasicBlock, [1, 1], **kwargs)


def deep(**kwargs) -> ResNet:
    return ResNet(Bottleneck, [1, 2], **kwargs)
