import torch
from torch import nn


class Down(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.main = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x):
        return self.main(x)


class Unit(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.block = nn.Sequential(nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))

    def forward(self, x):
        return self.block(x)


class Net(nn.Module):
    def __init__(self, ch, ch_mult, repeats):
        super().__init__()
        self.head = nn.Conv2d(3, ch, 3, padding=1)
        self.downs = nn.ModuleList()
        now = ch
        for i, mult in enumerate(ch_mult):
            for _ in range(repeats):
                self.downs.append(Unit(now, ch * mult))
                now = ch * mult
            if i != len(ch_mult) - 1:
                self.downs.append(Down(now))
        self.tail = nn.Conv2d(now, 3, 3, padding=1)

    def forward(self, x):
        h = self.head(x)
        for layer in self.downs:
            h = layer(h)
        return self.tail(h)


if __name__ == "__main__":
    net = Net(ch=24, ch_mult=[1, 2, 2, 2], repeats=2)
    print(net(torch.randn(2, 3, 32, 32)).shape)
