from torch import nn


class Body(nn.Module):
    def __init__(self, inputs, widths):
        super().__init__()
        layers = []
        for i, width in enumerate(widths):
            layers += [nn.Conv1d(inputs if i == 0 else widths[i - 1], width, 3, padding=1), nn.ReLU()]
        self.network = nn.Sequential(*layers)

    def forward(self, x):
        return self.network(x)
