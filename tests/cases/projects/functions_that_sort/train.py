import torch
from net import Net
from tools import optimizers

if __name__ == "__main__":
    model = Net()
    groups = optimizers.parameter_groups(model, 0.1)
    torch.optim.SGD(groups, lr=0.1)
