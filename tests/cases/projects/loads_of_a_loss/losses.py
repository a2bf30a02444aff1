import torch
from torch import nn
from torch.nn.modules.loss import _Loss


class Centers(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.centers = nn.Parameter(torch.randn(classes, 10))

    def forward(self, x, labels):
        return (x - self.centers[labels]).square().mean()


class Losses(_Loss):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList([nn.L1Loss()])

    def restore(self, path):
        self.load_state_dict(torch.load(path))


def make_loss(classes):
    centers = Centers(classes)

    def loss(scores, labels):
        return centers(scores, labels)

    return loss, centers


def make_optimizers(model, centers):
    first = torch.optim.Adam(model.parameters())
    return first, torch.optim.SGD(centers.parameters(), lr=0.5)


def make_critic(name):
    if name == "hub":
        critic = torch.hub.load("somebody/critics", "critic")
    else:
        critic = Centers(10).to("cpu")
        critic.load_state_dict(torch.load("critic.pth"))
    return critic
