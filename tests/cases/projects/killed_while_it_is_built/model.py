import os
import signal

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(8, 8)
        os.kill(os.getpid(), signal.SIGKILL)

    def forward(self, x):
        return self.stem(x)
