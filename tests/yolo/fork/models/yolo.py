"""A small parse_model, as repositories of the YOLO kind have it 🚀."""

import contextlib
import math
from copy import deepcopy

import torch
from torch import nn

from models.common import Boosted, Concat, Conv, Counted, Dead, Detect, Idle  # noqa: F401


class DetectionModel(nn.Module):
    def __init__(self, cfg, ch=3, nc=None):
        super().__init__()
        self.yaml = cfg
        if nc:
            self.yaml["nc"] = nc
        self.model, self.save = parse_model(deepcopy(self.yaml), [ch])
        self.stride = torch.tensor([64 / x.shape[-2] for x in self(torch.zeros(1, ch, 64, 64))])

    def forward(self, x):
        y = []
        for m in self.model:
            if m.f != -1:
                x = y[m.f] if isinstance(m.f, int) else [x if j == -1 else y[j] for j in m.f]
            x = m(x)
            y.append(x if m.i in self.save else None)
        return x

    def fuse(self):
        for m in self.model.modules():
            if isinstance(m, Conv) and hasattr(m, "bn"):
                norm = m.bn
                factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
                conv = nn.Conv2d(
                    m.conv.in_channels,
                    m.conv.out_channels,
                    m.conv.kernel_size,
                    m.conv.stride,
                    m.conv.padding,
                )
                conv.weight.data = m.conv.weight * factor.view(-1, 1, 1, 1)
                conv.bias.data = norm.bias - norm.running_mean * factor
                m.conv = conv
                del m.bn
                m.forward = m.forward_fuse
        return self


def parse_model(d, ch):
    nc = d["nc"]  # which `eval` finds
    scales = d.get("scales")
    depth, width = scales[d.get("scale") or next(iter(scales))][:2] if scales else (1, 1)
    layers, save, c2 = [], [], ch[-1]
    for i, (f, n, m, args) in enumerate(d["backbone"] + d["head"]):
        m = getattr(nn, m[3:]) if m.startswith("nn.") else globals()[m]
        for j, a in enumerate(args):
            with contextlib.suppress(NameError):
                args[j] = eval(a) if isinstance(a, str) else a
        n = max(round(n * depth), 1) if n > 1 else n
        if m is Conv:
            c1, c2 = ch[f], math.ceil(args[0] * width / 8) * 8
            args = [c1, c2, *args[1:]]
        elif m is Concat:
            c2 = sum(ch[x] for x in f)
        elif m is Detect:
            args.append([ch[x] for x in f])
        else:
            c2 = ch[f]
        m_ = nn.Sequential(*(m(*args) for _ in range(n))) if n > 1 else m(*args)
        m_.i, m_.f, m_.type, m_.np = i, f, str(m), sum(x.numel() for x in m_.parameters())
        save.extend(x % i for x in ([f] if isinstance(f, int) else f) if x != -1)
        layers.append(m_)
        if i == 0:
            ch = []
        ch.append(c2)
    return nn.Sequential(*layers), sorted(save)
