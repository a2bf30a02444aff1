import torch.nn as nn
from torch.nn.utils import spectral_norm


class ResBlock(nn.Module):
    def __init__(self, fin, fout, opt):
        super().__init__()
        self.conv_0 = nn.Conv2d(fin, fin, 3, padding=1)
        self.conv_1 = nn.Conv2d(fin, fout, 3, padding=1)
        if "spectral" in opt.norm_G:
            self.conv_0 = spectral_norm(self.conv_0)
            self.conv_1 = spectral_norm(self.conv_1)
        self.conv_s = nn.Conv2d(fin, fout, 1)

    def forward(self, x):
        dx = self.conv_0(x.relu())
        dx = self.conv_1(dx.relu())
        return self.conv_s(x) + dx


class Generator(nn.Module):
    def __init__(self, opt):
        super().__init__()
        nf = opt.ngf
        self.head = nn.Conv2d(3, nf, 3, padding=1)
        self.up_0 = ResBlock(nf, 2 * nf, opt)
        self.up_1 = ResBlock(2 * nf, nf, opt)
        self.out = nn.Conv2d(nf, 3, 3, padding=1)

    def forward(self, x):
        return self.out(self.up_1(self.up_0(self.head(x))))
