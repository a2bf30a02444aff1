from torch import nn


class Net(nn.Module):
    def __init__(self, width=8, depth=3):
        super().__init__()
        self.encoder = nn.ModuleList()
        before = 1
        for _ in range(depth):
            self.encoder.append(nn.Sequential(nn.Conv1d(before, width, 3, padding=1), nn.ReLU()))
            before, width = width, 2 * width

    def forward(self, x):
        for encode in self.encoder:
            x = encode(x)
        return x
