import torch
from torch import nn

from model import Net


def init_network(model):
    for name, weight in model.named_parameters():
        if "weight" in name:
            nn.init.xavier_normal_(weight)
        elif "bias" in name:
            nn.init.constant_(weight, 0)


if __name__ == "__main__":
    model = Net()
    init_network(model)
    print(model(torch.randn(2, 3, 32, 32)).shape)
