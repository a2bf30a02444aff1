import torch
from torch import nn


class Layer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down(self.up(self.norm(x)).relu())


class Net(nn.Module):
    def __init__(self, width=32, depth=2):
        super().__init__()
        self.embed = nn.Embedding(50, width)
        self.layers = nn.ModuleList([Layer(width) for _ in range(depth)])
        self.head = nn.Linear(width, 50)

    def forward(self, tokens):
        x = self.embed(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.head(x)

    def configure_optimizer(self, lr):
        decay, plain = set(), set()
        for prefix, module in self.named_modules():
            for name, _ in module.named_parameters(recurse=False):
                full = f"{prefix}.{name}" if prefix else name
                if name == "bias":
                    plain.add(full)
                elif isinstance(module, nn.Linear):
                    decay.add(full)
                elif isinstance(module, (nn.LayerNorm, nn.Embedding)):
                    plain.add(full)
        parameters = dict(self.named_parameters())
        missing = parameters.keys() - (decay | plain)
        assert not missing, f"in neither group: {sorted(missing)}"
        return torch.optim.AdamW(
            [
                {"params": [parameters[n] for n in sorted(decay)], "weight_decay": 0.1},
                {"params": [parameters[n] for n in sorted(plain)], "weight_decay": 0.0},
            ],
            lr=lr,
        )
