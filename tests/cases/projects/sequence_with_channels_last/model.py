import torch
from torch import nn


class Reader(nn.Module):
    def __init__(self, features=9, hidden=32, classes=4):
        super().__init__()
        self.project = nn.Linear(features, hidden)
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True)
        self.encoder = nn.TransformerEncoderLayer(hidden, 4, 64, batch_first=True)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        x = self.project(x)
        x, _ = self.lstm(x)
        x = self.encoder(x)
        return self.head(x.mean(1))


class LengthFirst(nn.Module):
    def __init__(self, features=9, hidden=16):
        super().__init__()
        self.rnn = nn.GRU(features, hidden)
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x):
        x, _ = self.rnn(x)
        return self.norm(x)
