import torch.nn as nn



class Tagger(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.rnn = nn.GRU(
            args.features, args.units, num_layers=args.depth, batch_first=True, bidirectional=True
        )
        self.tags = nn.Linear(2 * args.units, args.tags)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.tags(states)
