import torch.nn as nn

from resnet import resnet50, resnet101


class SegBase(nn.Module):
    def __init__(self, backbone="resnet50"):
        super().__init__()
        if backbone == "resnet50":
            self.pretrained = resnet50()
        elif backbone == "resnet101":
            self.pretrained = resnet101()
        else:
            raise RuntimeError("unknown backbone: " + backbone)

    def base_forward(self, x):
        c1 = self.pretrained.layer1(x)
        c2 = self.pretrained.layer2(c1)
        return c1, c2
