"""Whose code a frame runs: torch's, the observer's, or the user's."""

from __future__ import annotations

import functools
import os
from types import FrameType
from typing import Dict, Optional

import torch
from torch import nn

TORCH = os.path.dirname(os.path.realpath(torch.__file__)) + os.sep
OBSERVER = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep

_kinds: Dict[str, str] = {}


@functools.lru_cache(maxsize=None)
def real(path: str) -> str:
    """The path without symbolic links; asked for the same few files again and again."""
    return os.path.realpath(path)


def kind_of_file(filename: str) -> str:
    """`torch`, `observer`, or `user` for all else."""
    kind = _kinds.get(filename)
    if kind is None:
        path = os.path.realpath(filename)
        if path.startswith(TORCH):
            kind = "torch"
        elif path.startswith(OBSERVER) or filename.startswith("<frozen"):
            kind = "observer"
        else:
            kind = "user"
        _kinds[filename] = kind
    return kind


def owner_of(start: FrameType) -> Optional[nn.Module]:
    """The module in whose method the frame runs, or None.

    A function nested in a method (a closure given to checkpoint, a comprehension) belongs to
    the method's module, which it sees under the same name; a function that a method calls, or a
    method of what is no module, to the module that calls it.
    """
    frame: Optional[FrameType] = start
    while frame is not None and kind_of_file(frame.f_code.co_filename) == "user":
        code = frame.f_code
        if code.co_argcount and code.co_varnames[0] == "self":
            value = frame.f_locals.get("self")
            if isinstance(value, nn.Module):
                return value
        if "self" in code.co_freevars:
            value = frame.f_locals.get("self")
            if isinstance(value, nn.Module):
                return value
        frame = frame.f_back
    return None
