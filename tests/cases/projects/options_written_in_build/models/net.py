import torch.nn as nn

class Model(nn.Module):
    def __init__(self, args, data):
        super().__init__()
        self.hidC = args.hidCNN
        self.conv1 = nn.Conv2d(1, self.hidC, (args.kernel, data.m))

    def forward(self, x):
        return self.conv1(x.unsqueeze(1)).squeeze(3)
