"""Blocks that a batch of one sample stops in training: a batch norm behind a pooling to one position.

The proof trains with two samples. A loader's last batch may have one, and some scripts have one by default.
"""

from __future__ import annotations

import contextlib
from typing import Iterator, Optional, Sequence

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from stitchgen.observer.failure import failure_of
from stitchgen.observer.forwards.splice import Splice
from stitchgen.observer.inputs import Source
from stitchgen.observer.models import run
from stitchgen.observer.modes import set_mode
from stitchgen.observer.protocol import Error


def failure_on_one(
    original: nn.Module, edited: nn.Module, splices: Sequence[Splice], source: Source
) -> Optional[Error]:
    """What the edited model fails with in train mode on one sample, where the original takes it; else None."""
    if not source.shapes or not any(has_batch_norm(splice) for splice in splices):
        return None
    for model in (original, edited):
        set_mode(model, training=True)
        try:
            with unchanged_buffers(model):
                run(model, source, batch=1)
        except Exception as error:
            if model is original:
                return None
            return failure_of("does-not-run", error, "the block fails").report
    return None


@contextlib.contextmanager
def unchanged_buffers(model: nn.Module) -> Iterator[None]:
    """The statistics of the norms are what they were: the original may be kept for another proof."""
    saved = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in saved:
                buffer.copy_(value)


def has_batch_norm(splice: Splice) -> bool:
    return splice.module is not None and any(
        isinstance(module, _BatchNorm) for module in splice.module.modules()
    )
