from torch import nn


class Attention(nn.Module):
    def __init__(self, d_model, n_heads):
        super().__init__()
        self.query = nn.Linear(d_model, d_model)
        self.out_projection = nn.Linear(d_model, d_model)

    def forward(self, x):
        return self.out_projection(self.query(x)), None


class EncoderLayer(nn.Module):
    def __init__(self, attention, d_model, d_ff=None):
        super().__init__()
        d_ff = d_ff or 4 * d_model
        self.attention = attention
        self.norm1 = nn.LayerNorm(d_model)
        self.fc1 = nn.Linear(d_model, d_ff)
        self.fc2 = nn.Linear(d_ff, d_model)

    def forward(self, x):
        new_x, attn = self.attention(x)
        x = self.norm1(x + new_x)
        return x + self.fc2(self.fc1(x).relu()), attn


class Encoder(nn.Module):
    def __init__(self, enc_in, d_model=64, n_heads=8, e_layers=2, d_ff=64):
        super().__init__()
        self.embedding = nn.Linear(enc_in, d_model)
        self.layers = nn.ModuleList(EncoderLayer(Attention(d_model, n_heads), d_model, d_ff) for _ in range(e_layers))

    def forward(self, x):
        x = self.embedding(x)
        for layer in self.layers:
            x, attn = layer(x)
        return x



class Sum(nn.Module):
    """Another mixer, whose layers have other names."""

    def __init__(self, d_model):
        super().__init__()
        self.mix = nn.Linear(d_model, d_model)

    def forward(self, x):
        return self.mix(x.cumsum(1)), None


class OfOther(Encoder):
    def __init__(self, enc_in, d_model=64):
        super().__init__(enc_in, d_model)
        self.layers = nn.ModuleList([EncoderLayer(Sum(d_model), d_model)])
