import torch.nn as nn



def preset(factor):
    return {"width": 16 * factor, "classes": 10}


PRESETS = {name: preset(factor) for factor, name in enumerate(["tiny", "base"], start=1)}


class Net(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.body = nn.Conv2d(3, width, 3)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        x = self.body(x)
        return self.head(x.mean((2, 3)))
