import torch.nn as nn



class Net(nn.Module):
    def __init__(self, width=16, names="data/names.txt"):
        super().__init__()
        with open(names) as file:
            self.names = file.read().split()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, len(self.names))

    def forward(self, x):
        x = self.conv(x)
        return self.fc(x.mean((2, 3)))
