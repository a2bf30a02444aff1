from torch import nn


class Net(nn.Module):
    def __init__(self, opt):
        super().__init__()
        frames, channels, *_ = opt.in_shape
        self.enc = nn.Conv2d(frames * channels, opt.hid, 3, padding=1)
        self.dec = nn.Conv2d(opt.hid, channels, 1)

    def forward(self, x):
        return self.dec(self.enc(x))
