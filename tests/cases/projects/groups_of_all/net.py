from torch import nn


class Net(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        return self.head(self.body(x))

    def get_parameters(self, base_lr=0.1):
        norms, weights = [], []
        for module in self.modules():
            for name, one in module.named_parameters(recurse=False):
                (norms if isinstance(module, nn.BatchNorm2d) or name == "bias" else weights).append(one)
        return [{"params": weights, "lr": base_lr}, {"params": norms, "weight_decay": 0.0}]

    def count_parameters(self):
        return sum(one.numel() for one in self.parameters())
