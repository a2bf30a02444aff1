# file: train.py
# flags: se --after train.py::net.features.1 --attach
import torch.nn as nn
from torchvision.models import alexnet


def train(net):
    raise SystemExit("training")


def main(epochs=3):
    classes = 10
    net = alexnet(pretrained=True, num_classes=classes)
    # a head of our own
    net.classifier = nn.Linear(9216, classes)
    net = nn.DataParallel(net)
    train(net)


main()
# output
import torch.nn as nn
from torchvision.models import alexnet
from blocks.se import SE


def run_se(layer, args, output):
    """Forward hook: the block attached to the layer takes its output."""
    return layer.se(output)


def train(net):
    raise SystemExit("training")


def main(epochs=3):
    classes = 10
    net = alexnet(pretrained=True, num_classes=classes)
    net.features[1].se = SE(channels=64)
    net.features[1].register_forward_hook(run_se)
    # a head of our own
    net.classifier = nn.Linear(9216, classes)
    net = nn.DataParallel(net)
    train(net)


main()
