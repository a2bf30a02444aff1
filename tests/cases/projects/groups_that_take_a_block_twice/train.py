import torch
from model import Net


def groups(net):
    norms, others = [], []
    for layer in net.modules():
        kind = str(layer.__class__)
        if "model" in kind or "container" in kind:
            continue
        (norms if "batchnorm" in kind else others).extend(layer.parameters())
    return norms, others


if __name__ == "__main__":
    net = Net()
    norms, others = groups(net)
    torch.optim.SGD([{"params": norms, "weight_decay": 0.0}, {"params": others}], 0.1)
