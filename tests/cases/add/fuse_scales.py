# flags: fuse model.stem model.conv model.last
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)

    def forward(self, x):
        x = self.stem(x)
        x = self.conv(x)
        x = self.last(x)
        return x
# output
import torch
import torch.nn.functional as F
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.conv = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.last = nn.Conv2d(2 * width, 2 * width, 3, padding=1)
        self.last_fuse = nn.Conv2d(
            width + 2 * width + 2 * width, 2 * width, kernel_size=1
        )

    def forward(self, x):
        x = self.stem(x)
        stem_out = x
        x = self.conv(x)
        conv_out = x
        x = self.last(x)
        x = self.last_fuse(
            torch.cat(
                [
                    F.interpolate(
                        stem_out, size=x.shape[2:], mode="bilinear", align_corners=False
                    ),
                    conv_out,
                    x,
                ],
                dim=1,
            )
        )
        return x
