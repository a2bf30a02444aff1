# flags: swish --after model.rnn#0
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.rnn = nn.GRU(8, width, batch_first=True)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0])
# output
import torch.nn as nn
from blocks.swish import Swish


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.rnn = nn.GRU(8, width, batch_first=True)
        self.rnn_swish = Swish()
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        return self.head(self.rnn_swish(self.rnn(x)[0]))
