from torch import nn


class Encoder(nn.Module):
    def __init__(self, dims, hidden):
        super().__init__()
        self.fc = nn.Linear(dims, hidden)
        self.net = nn.Conv1d(hidden, hidden, 3, padding=1)

    def forward(self, x):
        return self.net(self.fc(x).transpose(1, 2)).transpose(1, 2)
