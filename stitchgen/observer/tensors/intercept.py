"""Run something in place of a module's forward, for a while."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Dict, Iterator, List, Tuple, Union

from torch import nn

#: The arguments of a call: what a user's model passes around may be anything.
Args = Tuple[Any, ...]
Kwargs = Dict[str, Any]
Forward = Callable[..., Any]
#: Runs in place of a forward, which it is given.
Around = Callable[[Forward, Args, Kwargs], Any]


def by_key(args: Args, kwargs: Kwargs) -> List[Tuple[Union[int, str], Any]]:
    """All arguments, each with its position or its keyword."""
    return [*enumerate(args), *kwargs.items()]


@contextlib.contextmanager
def intercepted(module: nn.Module, around: Around) -> Iterator[None]:
    """Run `around(forward, args, kwargs)` in place of the module's forward, once a call.

    On the instance, so `m(x)` and `m.forward(x)` both come by. A forward that calls itself counts
    as one call.
    """
    own = vars(module)
    before = own.get("forward")
    forward = module.forward
    busy: List[bool] = []

    @functools.wraps(forward)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if busy:
            return forward(*args, **kwargs)
        busy.append(True)
        try:
            return around(forward, args, kwargs)
        finally:
            busy.pop()

    own["forward"] = wrapper
    try:
        yield
    finally:
        if before is None:
            own.pop("forward", None)
        else:
            own["forward"] = before
