from torch import cat, nn, zeros


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ffn = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, tokens):
        tokens = tokens + self.attn(tokens, tokens, tokens)[0]
        return tokens + self.ffn(self.norm(tokens))


class Encoder(nn.Module):
    def __init__(self, width=24, depth=2):
        super().__init__()
        self.width = width
        self.stem = nn.Conv2d(3, width, 8, 8)
        self.layers = nn.ModuleList(Layer(width, 4) for _ in range(depth))

    def take_queries(self, count):
        self.queries = nn.Parameter(zeros(1, count, self.width))

    def forward(self, images):
        tokens = self.stem(images).flatten(2).transpose(1, 2)
        tokens = cat([self.queries.expand(len(tokens), -1, -1), tokens], 1)
        for layer in self.layers:
            tokens = layer(tokens)
        return tokens[:, : self.queries.shape[1]]


def narrow():
    return Encoder(24), 24


def wide():
    return Encoder(48), 48
