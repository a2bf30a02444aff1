# flags: fuse model.conv model.last --gate
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv1d(3, width, 3, padding=1)
        self.pool = nn.MaxPool1d(2)
        self.last = nn.Conv1d(width, width, 3, padding=1)

        for m in self.modules():
            if isinstance(m, nn.Conv1d):
                nn.init.kaiming_normal_(m.weight)

    def forward(self, x):
        x = self.conv(x)
        x = self.pool(x)
        return self.last(x)
# output
import torch
import torch.nn.functional as F
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv1d(3, width, 3, padding=1)
        self.pool = nn.MaxPool1d(2)
        self.last = nn.Conv1d(width, width, 3, padding=1)

        for m in self.modules():
            if isinstance(m, nn.Conv1d):
                nn.init.kaiming_normal_(m.weight)
        self.last_fuse = nn.Conv1d(2 * width, width, kernel_size=1, bias=False)
        nn.init.dirac_(self.last_fuse.weight)

    def forward(self, x):
        x = self.conv(x)
        conv_out = x
        x = self.pool(x)
        return self.last_fuse(
            torch.cat(
                [
                    (out := self.last(x)),
                    F.interpolate(
                        conv_out, size=out.shape[2:], mode="linear", align_corners=False
                    ),
                ],
                dim=1,
            )
        )
