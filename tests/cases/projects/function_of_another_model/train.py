import torch

from network import large, small

model_name = "Small"


def train_model():
    if model_name == "Small":
        model = small.Small(num_classes=10)
        train_params = [{"params": small.get_1x_lr_params(model), "lr": 0.1}, {"params": small.get_10x_lr_params(model), "lr": 1.0}]
    else:
        model = large.Large(num_classes=10)
        train_params = [{"params": large.get_1x_lr_params(model), "lr": 0.1}, {"params": large.get_10x_lr_params(model), "lr": 1.0}]
    optimizer = torch.optim.SGD(train_params, lr=0.1)
    model(torch.randn(2, 3, 32, 32)).mean().backward()
    optimizer.step()


if __name__ == "__main__":
    train_model()
