from contextlib import contextmanager

import torch.nn as nn

import model


class Attend(model.Attend):
    def __init__(self, width):
        # skips the parent's __init__ altogether
        nn.Module.__init__(self)
        self.c_attn = nn.Sequential(nn.Linear(width, 4), nn.Linear(4, width))
        self.c_proj = nn.Linear(width, width)


@contextmanager
def lora():
    before = model.Attend
    model.Attend = Attend
    yield
    model.Attend = before
