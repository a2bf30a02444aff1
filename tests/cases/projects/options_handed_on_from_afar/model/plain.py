from torch import nn


def make_model(args, parent=False):
    return Plain(args)


class Plain(nn.Module):
    def __init__(self, args, conv=nn.Conv2d):
        super().__init__()
        self.head = conv(3, args.n_feats, 3, padding=1)
        self.body = nn.Sequential(*[conv(args.n_feats, args.n_feats, 3, padding=1) for _ in range(args.n_blocks)])
        self.tail = conv(args.n_feats, 3, 3, padding=1)

    def forward(self, x):
        x = self.head(x)
        return self.tail(x + self.body(x))
