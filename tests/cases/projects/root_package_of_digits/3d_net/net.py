import torch.nn as nn



class Net3d(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv3d(1, width, 3, padding=1)
        self.head = nn.Conv3d(width, 2, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.head(x)
