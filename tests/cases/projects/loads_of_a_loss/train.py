import torch

from losses import Losses, make_loss, make_optimizers
from net import Net


def main(resume=None):
    model = Net()
    loss, centers = make_loss(10)
    of_model, of_centers = make_optimizers(model, centers)
    if resume:
        model.load_state_dict(torch.load("model.pth"))
        centers.load_state_dict(torch.load("centers.pth"))
        of_model.load_state_dict(torch.load("optimizer.pth"))
        of_centers.load_state_dict(torch.load("centers_optimizer.pth"))
        Losses().restore("losses.pth")


if __name__ == "__main__":
    main()
