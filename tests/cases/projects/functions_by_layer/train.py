import torch
from torch import optim

import model as net


def main():
    model = net.Net(classes=10)
    groups = [{"params": net.slow_parameters(model)}, {"params": net.fast_parameters(model), "lr": 1e-2}]
    optimizer = optim.SGD(groups, lr=1e-3)
    known = {id(p) for group in optimizer.param_groups for p in group["params"]}
    print("never trained:", [name for name, p in model.named_parameters() if id(p) not in known])
    model(torch.randn(2, 3, 32, 32)).sum().backward()
    optimizer.step()


if __name__ == "__main__":
    main()
