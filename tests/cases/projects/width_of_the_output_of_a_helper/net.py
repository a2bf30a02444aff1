from torch import nn


def conv(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, 2, 1), nn.ReLU(inplace=True))


class Pose(nn.Module):
    def __init__(self):
        super().__init__()
        planes = [16, 24, 24]
        self.conv1 = conv(3, planes[0])
        self.conv2 = conv(planes[0], planes[1])
        self.conv3 = conv(planes[1], planes[2])
        self.pred = nn.Conv2d(planes[2], 6, 1)

    def forward(self, x):
        x = self.conv3(self.conv2(self.conv1(x)))
        return self.pred(x).mean((2, 3))
