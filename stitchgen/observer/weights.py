"""Weights that cannot be had here: nothing is downloaded, and a file may not be on this machine.

What a constructor would load of them is left as it was initialised, and the report says so: no check and
no channel count depends on the values.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import Any, Iterator, List
from unittest import mock

import torch
from torch import nn
from torch.nn.modules.module import _IncompatibleKeys

#: Where timm loads weights into a network that it has built, in its versions.
TIMM = ("timm.models._builder", "timm.models.helpers")


class Absent(dict):  # type: ignore[type-arg]
    """A checkpoint of which nothing is known: whatever is looked up in it is another."""

    def __missing__(self, key: Any) -> Absent:
        return Absent()

    def pop(self, key: Any, default: Any = None) -> Any:
        return super().pop(key, default)

    def __delitem__(self, key: Any) -> None:
        super().pop(key, None)


def may_lack_weights(error: BaseException) -> bool:
    """Whether a construction may have failed of what it wanted to download or to read from the disk."""
    cause: Any = error
    while cause is not None:
        if isinstance(cause, OSError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@contextlib.contextmanager
def left_random(absent: List[str]) -> Iterator[None]:
    """Inside, checkpoints that are not on this machine are taken for empty; their names are added to `absent`."""
    load, load_state_dict = torch.load, nn.Module.load_state_dict

    def load_what_is_there(file: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(file, (str, os.PathLike)) and not os.path.exists(file):
            absent.append(os.path.basename(file))
            return Absent()
        return load(file, *args, **kwargs)

    def load_what_is_known(
        module: nn.Module,
        state: Any,
        strict: bool = True,  # noqa: FBT001, FBT002  # as torch has it
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if isinstance(state, Absent) and not state:
            return _IncompatibleKeys([], [])
        # What was made of an absent checkpoint lacks its entries.
        return load_state_dict(module, state, strict and not absent, *args, **kwargs)

    def skip_pretrained(model: nn.Module, *args: Any, **kwargs: Any) -> None:
        absent.append("the weights of %s" % type(model).__name__)

    with contextlib.ExitStack() as stack:
        # torch.hub makes its folder before it downloads.
        folder = os.path.join(tempfile.gettempdir(), "torch")
        stack.enter_context(mock.patch.dict(os.environ, {"TORCH_HOME": folder}))
        stack.enter_context(mock.patch("torch.hub.download_url_to_file", lambda *_, **__: None))
        stack.enter_context(mock.patch("torch.load", load_what_is_there))
        stack.enter_context(mock.patch.object(nn.Module, "load_state_dict", load_what_is_known))
        for name in TIMM:
            module = sys.modules.get(name)
            if module is not None and hasattr(module, "load_pretrained"):
                stack.enter_context(mock.patch.object(module, "load_pretrained", skip_pretrained))
        yield


def note(absent: List[str]) -> str:
    """What the report says of them."""
    names = ", ".join(dict.fromkeys(absent))
    return "The pretrained weights are not on this machine and were left random: %s." % names
