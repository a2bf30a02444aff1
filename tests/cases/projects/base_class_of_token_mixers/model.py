import torch.nn as nn



class Mixer(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        return x + self.proj(self.norm(x))


class Gate(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.weigh = nn.Linear(size, size)

    def forward(self, x):
        return x * self.weigh(x).sigmoid()


class Stack(nn.Module):
    def __init__(self, make, count):
        super().__init__()
        self.layers = nn.ModuleList([make() for _ in range(count)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Deep(Stack):
    def __init__(self, dim, depth):
        super().__init__(lambda: Mixer(dim), depth)


class Flat(Stack):
    def __init__(self, size):
        super().__init__(lambda: Gate(size), 1)
