import torch.nn as nn



class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.drop = nn.Dropout2d(0.25)
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x):
        x = self.conv(x)
        x = self.drop(x)
        return self.head(x)
