# flags: swish --after model.rnn#0 --input 2x5x8
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.rnn = nn.LSTM(8, width, batch_first=True)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        x, (h, c) = self.rnn(x)
        return self.head(x)
# output
import torch.nn as nn
from blocks.swish import Swish


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.rnn = nn.LSTM(8, width, batch_first=True)
        self.rnn_swish = Swish()
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        x, (h, c) = self.rnn(x)
        x = self.rnn_swish(x)
        return self.head(x)
