import torch
from model import Net


def groups(net):
    norms, others = [], []
    for layer in net.modules():
        kept = norms if isinstance(layer, torch.nn.BatchNorm2d) else others
        kept.extend(layer.parameters(recurse=False))
    return norms, others


if __name__ == "__main__":
    norms, others = groups(Net())
    torch.optim.SGD([{"params": norms, "weight_decay": 0.0}, {"params": others}], 0.1)
