from torch import nn

from models import resnet


class Psp(nn.Module):
    def __init__(self, classes, backbone="resnet_large"):
        super().__init__()
        model = getattr(resnet, backbone)()
        size = model.fc.in_features
        self.initial = model.stem
        self.layer1 = model.layer1
        self.layer2 = model.layer2
        self.layer3 = model.layer3
        self.head = nn.Conv2d(size, classes, 1)
        self.auxiliary = nn.Sequential(nn.Conv2d(size // 2, size // 4, 3, padding=1), nn.Conv2d(size // 4, classes, 1))

    def forward(self, x):
        aux = self.layer2(self.layer1(self.initial(x)))
        x = self.layer3(aux)
        if self.training:
            return self.head(x), self.auxiliary(aux)
        return self.head(x)
