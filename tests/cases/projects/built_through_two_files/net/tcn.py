from torch import nn


class TemporalBlock(nn.Module):
    def __init__(self, n_inputs, n_outputs, dropout=0.2):
        super().__init__()
        self.conv = nn.Conv1d(n_inputs, n_outputs, 3, padding=1)
        self.net = nn.Sequential(self.conv, nn.ReLU(), nn.Dropout(dropout))

    def forward(self, x):
        return self.net(x)


class TemporalConvNet(nn.Module):
    def __init__(self, num_inputs, num_channels, dropout=0.2):
        super().__init__()
        widths = [num_inputs, *num_channels]
        self.network = nn.Sequential(*[TemporalBlock(a, b, dropout) for a, b in zip(widths, num_channels)])

    def forward(self, x):
        return self.network(x)
