# flags: cbam --after model.stage2
import torch
from torch import Tensor, nn


class Unit(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(inputs, outputs // 2, 3, 2, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = self.branch(x)
        return torch.cat([x, -x], dim=1)


class Net(nn.Module):
    stage2: nn.Sequential
    stage3: nn.Sequential

    def __init__(self, widths: list[int], repeats: list[int]) -> None:
        super().__init__()
        self._widths = widths
        previous = widths[0]
        self.stem = nn.Conv2d(3, previous, 3, padding=1)
        for name, repeat, width in zip(["stage2", "stage3"], repeats, self._widths[1:]):
            layers = [Unit(previous, width)]
            for _ in range(repeat - 1):
                layers.append(nn.ReLU())
            setattr(self, name, nn.Sequential(*layers))
            previous = width
        self.fc = nn.Linear(previous, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.stage2(x)
        x = self.stage3(x)
        return self.fc(torch.flatten(x.mean([2, 3]), 1))


def small() -> Net:
    return Net([8, 12, 12], [2, 2])


def large() -> Net:
    return Net([8, 20, 36], [2, 3])
# output
import torch
from torch import Tensor, nn
from blocks.cbam import CBAM


class Unit(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(inputs, outputs // 2, 3, 2, 1), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        x = self.branch(x)
        return torch.cat([x, -x], dim=1)


class Net(nn.Module):
    stage2: nn.Sequential
    stage3: nn.Sequential

    def __init__(self, widths: list[int], repeats: list[int]) -> None:
        super().__init__()
        self._widths = widths
        previous = widths[0]
        self.stem = nn.Conv2d(3, previous, 3, padding=1)
        for name, repeat, width in zip(["stage2", "stage3"], repeats, self._widths[1:]):
            layers = [Unit(previous, width)]
            for _ in range(repeat - 1):
                layers.append(nn.ReLU())
            setattr(self, name, nn.Sequential(*layers))
            previous = width
        self.stage2_cbam = CBAM(channels=self._widths[1])
        self.fc = nn.Linear(previous, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.stage2(x)
        x = self.stage2_cbam(x)
        x = self.stage3(x)
        return self.fc(torch.flatten(x.mean([2, 3]), 1))


def small() -> Net:
    return Net([8, 12, 12], [2, 2])


def large() -> Net:
    return Net([8, 20, 36], [2, 3])
