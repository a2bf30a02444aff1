import torch

from net import Net

if __name__ == "__main__":
    net = Net()
    decay, plain = net.groups()
    optimizer = torch.optim.SGD([{"params": decay}, {"params": plain, "weight_decay": 0}], lr=0.1)
    net(torch.randn(2, 3, 32, 32)).mean().backward()
    optimizer.step()
    print("trained")
