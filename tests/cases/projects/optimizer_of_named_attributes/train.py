import torch
from model import Net


class Trainer:
    def __init__(self):
        self.model = Net()
        params_list = list()
        if hasattr(self.model, "pretrained"):
            params_list.append({"params": self.model.pretrained.parameters(), "lr": 0.01})
        if hasattr(self.model, "exclusive"):
            for module in self.model.exclusive:
                params_list.append({"params": getattr(self.model, module).parameters(), "lr": 0.1})
        self.optimizer = torch.optim.SGD(params_list, lr=0.01)

    def train(self):
        self.model(torch.rand(2, 3, 16, 16)).pow(2).mean().backward()
        self.optimizer.step()


if __name__ == "__main__":
    Trainer().train()
