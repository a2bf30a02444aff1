"""When something happens in a training: said to a watcher, without a change to what torch does.

Classes of torch itself are passed over: they are parts of models, and some check their own signature.
"""

import atexit
import functools
import sys
import threading
from typing import Any, Callable, Optional, Protocol

import torch
from torch import nn
from torch.optim import Optimizer
from torch.utils import data
from torch.utils.data import DataLoader

WRAPPED = "_stitchgen_wrapped"


class Watcher(Protocol):
    """What is told of a training."""

    def built(self, module: nn.Module, where: Optional[str]) -> None: ...

    def optimizer_made(self, optimizer: Any, where: Optional[str]) -> None: ...

    def stepping(self, optimizer: Any) -> None: ...

    def splitting(self) -> None: ...

    def loader_started(self, loader: Any, where: Optional[str]) -> None: ...

    def seeded(self, value: int, where: Optional[str]) -> None: ...

    def ended(self) -> None: ...


def install(watcher: Watcher) -> None:
    """Tell the watcher of what happens from now on."""
    _watch_constructors(watcher)
    _watch_optimizers(watcher)
    _watch_splits(watcher)
    _watch_loaders(watcher)
    _watch_seeds(watcher)
    atexit.register(watcher.ended)


def _watch_constructors(watcher: Watcher) -> None:
    """The outermost `__init__` of a module of the user's returns: that module has been built."""
    depth = threading.local()
    original: Any = nn.Module.__dict__.get("__init_subclass__")

    def wrapped(cls: Any, constructor: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(constructor)
        def construct(self: Any, *args: Any, **kwargs: Any) -> None:
            depth.now = getattr(depth, "now", 0) + 1
            try:
                constructor(self, *args, **kwargs)
            finally:
                depth.now -= 1
            if not depth.now and isinstance(self, nn.Module):
                watcher.built(self, _caller())

        return construct

    def init_subclass(cls: Any, **kwargs: Any) -> None:
        if original is not None:
            original.__get__(None, cls)(**kwargs)
        else:
            super(nn.Module, cls).__init_subclass__(**kwargs)
        if not cls.__module__.startswith("torch.") and "__init__" in cls.__dict__:
            cls.__init__ = wrapped(cls, cls.__dict__["__init__"])

    nn.Module.__init_subclass__ = classmethod(init_subclass)  # type: ignore


def _watch_optimizers(watcher: Watcher) -> None:
    construct = Optimizer.__init__

    @functools.wraps(construct)
    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        construct(self, *args, **kwargs)
        _watch_steps(type(self), watcher)
        watcher.optimizer_made(self, _caller())

    Optimizer.__init__ = made  # type: ignore[method-assign]


def _watch_steps(cls: Any, watcher: Watcher) -> None:
    for owner in cls.__mro__:
        step = owner.__dict__.get("step")
        if step is None or owner is Optimizer or getattr(step, WRAPPED, False):
            continue
        owner.step = _before_step(step, watcher)


def _before_step(step: Callable[..., Any], watcher: Watcher) -> Callable[..., Any]:
    @functools.wraps(step)
    def stepping(self: Any, *args: Any, **kwargs: Any) -> Any:
        watcher.stepping(self)
        return step(self, *args, **kwargs)

    setattr(stepping, WRAPPED, True)
    return stepping


def _watch_splits(watcher: Watcher) -> None:
    """Which samples are held out is drawn once, often after the model was made and initialised by the script."""
    split: Callable[..., Any] = data.random_split

    @functools.wraps(split)
    def splitting(*args: Any, **kwargs: Any) -> Any:
        watcher.splitting()
        return split(*args, **kwargs)

    data.random_split = data.dataset.random_split = splitting


def _watch_loaders(watcher: Watcher) -> None:
    iterate = DataLoader.__iter__

    @functools.wraps(iterate)
    def started(self: Any) -> Any:
        watcher.loader_started(self, _caller())
        return iterate(self)

    DataLoader.__iter__ = started  # type: ignore[method-assign]


def _watch_seeds(watcher: Watcher) -> None:
    """Which seeds the script sets itself, and where: a constant one makes all runs the same."""
    seed: Callable[[Any], Any] = torch.manual_seed

    @functools.wraps(seed)
    def seeded(value: Any) -> Any:
        watcher.seeded(int(value), _caller())
        return seed(value)

    torch.manual_seed = torch.random.manual_seed = seeded  # type: ignore


def _caller() -> Optional[str]:
    """`path:line` of the nearest frame below the tree or the script: not that of an installed package."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if "site-packages" not in name and not name.startswith("<"):
            return "%s:%d" % (name, frame.f_lineno)
        frame = frame.f_back  # type: ignore[assignment]
    return None
