import torch

from net import Net

if __name__ == "__main__":
    net = Net()
    optimizer = torch.optim.SGD([{"params": net.slow_parameters()}, {"params": net.fast_parameters(), "lr": 1.0}], lr=0.1)
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    for _ in range(3):
        optimizer.zero_grad()
        (net(torch.randn(2, 3, 32, 32)) ** 2).mean().backward()
        optimizer.step()
    still = [name for name, value in net.named_parameters() if torch.equal(value, before[name])]
    print("parameters that did not move:", still)
    assert not still, still
