"""Eval and train mode of objects whose `train` may be something else: a training, a flag.

`Trainer.train(data, epochs=3)` of a class that inherits from nn.Module takes the place of what sets the mode.
It is never called; nor is an `eval` that evaluates. Some classes override `train(mode)` and give nothing back.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from torch import nn


class Held(nn.Module):
    """The module that an object keeps as `.model`, at that path, where the object itself is not to be run."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.model(*args, **kwargs)


def as_module(value: Any) -> Any:
    """The module of what a construction gives, if it holds one as `.model` and is none, or trains itself.

    One that has layers besides is run as it is. No code of the object is run for this.
    """
    is_module = isinstance(value, nn.Module)
    kept = value.__dict__.get("_modules" if is_module else "model") if has_dict(value) else None
    inner = kept.get("model") if is_module and isinstance(kept, dict) else kept
    if not isinstance(inner, nn.Module):
        return value
    if is_module and (takes_mode(value) or list(value.children()) != [inner] or value._parameters):
        return value
    return Held(inner)


def has_dict(value: Any) -> bool:
    return isinstance(getattr(value, "__dict__", None), dict)


def set_mode(module: nn.Module, *, training: bool) -> None:
    """Put a module into train or eval mode, by its own methods where they do that, else by hand."""
    if all(takes_mode(one) for one in module.modules()):
        if training:
            module.train()
        else:
            module.eval()
        return
    module.training = training
    for child in module.children():
        set_mode(child, training=training)


def takes_mode(module: nn.Module) -> bool:
    """Whether `train()` and `eval()` of a module set the mode, and do nothing else of weight."""
    own = module.__dict__.keys() & {"train", "eval"}  # `self.train = True`
    kind: Any = type(module)
    return not own and class_takes_mode(kind)


@functools.lru_cache(maxsize=None)
def class_takes_mode(kind: Any) -> bool:
    train, evaluate = kind.train, kind.eval
    return (train is nn.Module.train or sets_mode(train)) and (
        evaluate is nn.Module.eval or passes_on(evaluate)
    )


def sets_mode(train: Any) -> bool:
    """Whether a method is like `train(self, mode=True)`: a boolean, and nothing else that it needs."""
    try:
        _, *arguments = inspect.signature(train).parameters.values()
    except (TypeError, ValueError):
        return False
    if not arguments:
        return False
    first, *others = arguments
    boolean = first.name == "mode" or isinstance(first.default, bool)
    return boolean and all(
        one.default is not one.empty or one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        for one in (first, *others)
    )


def passes_on(evaluate: Any) -> bool:
    """Whether a method is like `eval(self)` and calls nn.Module's in turn."""
    try:
        arguments = list(inspect.signature(evaluate).parameters)
    except (TypeError, ValueError):
        return False
    names = getattr(getattr(evaluate, "__code__", None), "co_names", ())
    return len(arguments) == 1 and bool({"eval", "train"} & set(names))
