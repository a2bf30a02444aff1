import torch.nn as nn


class Mid(nn.Module):
    def __init__(self, c, hid):
        super().__init__()
        self.a = nn.Conv2d(c, hid, 3, padding=1)
        self.b = nn.Conv2d(hid, c, 1)

    def forward(self, x):
        B, T, C, H, W = x.shape
        y = self.b(self.a(x.reshape(B, T * C, H, W)))
        return y.reshape(B, T, C, H, W)


class Net(nn.Module):
    def __init__(self, shape_in=(10, 1), hid=16):
        super().__init__()
        T, C = shape_in
        self.enc = nn.Conv2d(C, hid, 3, padding=1)
        self.mid = Mid(T * hid, 64)
        self.dec = nn.Conv2d(hid, C, 1)

    def forward(self, x):
        B, T, C, H, W = x.shape
        z = self.enc(x.view(B * T, C, H, W))
        z = self.mid(z.view(B, T, -1, H, W))
        return self.dec(z.reshape(B * T, -1, H, W)).view(B, T, C, H, W)
