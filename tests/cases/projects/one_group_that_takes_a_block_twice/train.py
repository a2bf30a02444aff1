import torch
from model import Net, Unit


def parameters_of(model):
    own = (Net, Unit, torch.nn.Sequential)
    return [p for layer in model.modules() if not isinstance(layer, own) for p in layer.parameters()]


if __name__ == "__main__":
    torch.optim.SGD(parameters_of(Net()), 0.1)
