import torch

from net import Net

if __name__ == "__main__":
    net = Net()
    optimizer = net.configure_optimizer(1e-3)
    net(torch.randint(50, (2, 7))).mean().backward()
    optimizer.step()
    print("trained")
