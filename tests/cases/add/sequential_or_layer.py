# flags: se --after model.conv.0 --build Net(Plain) --build Net(Split) --input 1x3x8x8
import torch.nn as nn


class Plain(nn.Conv2d):
    def __init__(self, cin, cout):
        super().__init__(cin, cout, 3, padding=1)


class Split(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__(
            nn.Conv2d(cin, 6, (1, 3), padding=(0, 1)),
            nn.Conv2d(6, cout, (3, 1), padding=(1, 0)),
        )


class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.conv = kind(3, 8)
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        x = self.conv(x)
        return self.head(x)
# output
import torch.nn as nn
from blocks.se import SE


class Plain(nn.Conv2d):
    def __init__(self, cin, cout):
        super().__init__(cin, cout, 3, padding=1)


class Split(nn.Sequential):
    def __init__(self, cin, cout):
        super().__init__(
            nn.Conv2d(cin, 6, (1, 3), padding=(0, 1)),
            nn.Conv2d(6, cout, (3, 1), padding=(1, 0)),
        )


class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.conv = kind(3, 8)
        if getattr(self.conv, "0", None) is not None:
            self.conv_0_se = SE(channels=self.conv[0].out_channels)
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        if isinstance(self.conv, nn.Sequential):
            for i, layer in enumerate(self.conv):
                x = layer(x)
                if i == 0:
                    x = self.conv_0_se(x)
        else:
            x = self.conv(x)
        return self.head(x)
