"""The part of parse_model that gives a row its class, its arguments and its width."""

import ast
import contextlib


class Layer:
    def __init__(self, *args):
        self.args = args


class Conv(Layer):
    pass


class SPPF(Layer):
    pass


class Detect(Layer):
    pass


def parse_model(d, ch):
    nc = d.get("nc", 80)
    _, width, max_channels = d["scales"][d["scale"]]
    ch, layers, c2 = [ch], [], ch
    for i, (f, _n, m, args) in enumerate(d["backbone"] + d["head"]):
        m = globals()[m]
        for j, a in enumerate(args):
            if isinstance(a, str):
                with contextlib.suppress(ValueError):
                    args[j] = locals()[a] if a in locals() else ast.literal_eval(a)
        if m in {Conv, SPPF}:
            c1, c2 = ch[f], int(min(args[0], max_channels) * width)
            args = [c1, c2, *args[1:]]
        elif m is Detect:
            args.append([ch[x] for x in f])
        else:
            c2 = ch[f]
        layers.append(m(*args))
        if i == 0:
            ch = []
        if m is not Detect:
            ch.append(c2)
    return layers, ch
