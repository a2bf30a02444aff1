from torch import nn


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(self.make_stages())

    def make_stages(self):
        raise NotImplementedError

    def forward(self, x):
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features
