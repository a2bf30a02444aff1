from torch import nn

from models import resnet


class Pyramid(nn.Module):
    def __init__(self, classes, backbone="resnet_small"):
        super().__init__()
        model = getattr(resnet, backbone)()
        self.initial = nn.Sequential(*list(model.children())[:1])
        self.layer1 = model.layer1
        self.layer2 = model.layer2
        self.head = nn.Conv2d(model.fc.in_features, classes, 1)

    def forward(self, x):
        x = self.layer1(self.initial(x))
        return self.head(self.layer2(x))
