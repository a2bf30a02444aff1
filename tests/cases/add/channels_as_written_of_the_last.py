# flags: se --after model.stage1 --set reduction=4
from torch import nn


class Plain(nn.Module):
    expansion = 1

    def __init__(self, ins, width):
        super().__init__()
        self.conv = nn.Conv2d(ins, width, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class Wide(nn.Module):
    expansion = 4

    def __init__(self, ins, width):
        super().__init__()
        self.expand = nn.Conv2d(ins, width * self.expansion, 3, padding=1)

    def forward(self, x):
        return self.expand(x)


def make_stages(blocks, widths, ins):
    for number, (block, width) in enumerate(zip(blocks, widths)):
        yield f"stage{number}", nn.Sequential(block(ins, width), nn.ReLU())
        ins = width * block.expansion


class Net(nn.Module):
    def __init__(self, block, widths=(8, 12, 20)):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        blocks = [block] * len(widths)
        for stage in make_stages(blocks, widths, 6):
            self.add_module(*stage)
        self.head = nn.Linear(widths[-1] * blocks[-1].expansion, 5)

    def forward(self, x):
        x = self.stem(x)
        x = self.stage0(x)
        x = self.stage1(x)
        x = self.stage2(x)
        return self.head(x.mean((2, 3)))


def plain():
    return Net(Plain)


def wide():
    return Net(Wide)
# output
from torch import nn
from blocks.se import SE


class Plain(nn.Module):
    expansion = 1

    def __init__(self, ins, width):
        super().__init__()
        self.conv = nn.Conv2d(ins, width, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class Wide(nn.Module):
    expansion = 4

    def __init__(self, ins, width):
        super().__init__()
        self.expand = nn.Conv2d(ins, width * self.expansion, 3, padding=1)

    def forward(self, x):
        return self.expand(x)


def make_stages(blocks, widths, ins):
    for number, (block, width) in enumerate(zip(blocks, widths)):
        yield f"stage{number}", nn.Sequential(block(ins, width), nn.ReLU())
        ins = width * block.expansion


class Net(nn.Module):
    def __init__(self, block, widths=(8, 12, 20)):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        blocks = [block] * len(widths)
        for stage in make_stages(blocks, widths, 6):
            self.add_module(*stage)
        self.stage1_se = SE(channels=widths[1] * blocks[1].expansion, reduction=4)
        self.head = nn.Linear(widths[-1] * blocks[-1].expansion, 5)

    def forward(self, x):
        x = self.stem(x)
        x = self.stage0(x)
        x = self.stage1(x)
        x = self.stage1_se(x)
        x = self.stage2(x)
        return self.head(x.mean((2, 3)))


def plain():
    return Net(Plain)


def wide():
    return Net(Wide)
