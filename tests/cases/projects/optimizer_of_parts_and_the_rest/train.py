import torch
from net import Net


def main():
    model = Net(classes=3)
    slow = [model.layer0]
    known = {id(p) for part in slow for p in part.parameters()}
    groups = [{"params": part.parameters(), "lr": 0.001} for part in slow]
    groups.append({"params": [p for p in model.parameters() if id(p) not in known]})
    optimizer = torch.optim.SGD(groups, lr=0.01)
    model(torch.rand(2, 3, 32, 32)).pow(2).mean().backward()
    optimizer.step()


if __name__ == "__main__":
    main()
