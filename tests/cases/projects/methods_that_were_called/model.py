import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Conv2d(3, 16, 3)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        x = self.trunk(x)
        return self.head(x.mean((2, 3)))

    def param_groups(self):
        weights = []
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                weights.extend(m.parameters(recurse=False))
            elif len(m._modules) == 0:
                if list(m.parameters()):
                    raise ValueError(type(m))
        return [{"params": weights}]

    def update_all(self):
        for m in self.children():
            m.update_weights()


if __name__ == "__main__":
    model = Net()
    torch.optim.SGD(model.param_groups(), lr=0.1)
    print(model(torch.rand(2, 3, 9, 9)).shape)
