# flags: se --before model.py::Net.features --attach --set reduction=1
import torch.nn as nn
import torchvision


class Net(torchvision.models.AlexNet):
    def __init__(self):
        super().__init__(num_classes=4)
        self.extra = nn.Linear(4, 2)


def net():
    return Net()
# output
import torch.nn as nn
import torchvision
from blocks.se import SE


def run_se(layer, args):
    """Forward pre-hook: the block attached to the layer takes its input."""
    return (layer.se(args[0]), *args[1:])


class Net(torchvision.models.AlexNet):
    def __init__(self):
        super().__init__(num_classes=4)
        self.features[0].se = SE(channels=self.features[0].in_channels, reduction=1)
        self.features[0].register_forward_pre_hook(run_se)
        self.extra = nn.Linear(4, 2)


def net():
    return Net()
