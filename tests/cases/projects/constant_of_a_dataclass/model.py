import options as settings
import torch.nn as nn

DEFAULT = settings.default()


class Net(nn.Module):
    def __init__(self, options):
        super().__init__()
        self.embed = nn.Embedding(options.words, options.hidden)
        self.hidden = nn.Linear(options.hidden, options.hidden)
        self.out = nn.Linear(options.hidden, options.words)

    def forward(self, x):
        x = self.hidden(self.embed(x))
        return self.out(x)
