"""What is being done while the command waits for the model, for a terminal to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Takes a few words, or None when nothing is waited for any more.
Display = Callable[[str | None], None]

_display: ContextVar[Display | None] = ContextVar("display", default=None)


@contextmanager
def shown_on(display: Display) -> Iterator[None]:
    """Let the display take what is said within."""
    token = _display.set(display)
    try:
        yield
    finally:
        display(None)
        _display.reset(token)


def is_shown() -> bool:
    """Whether somebody sees it: what takes time to find out need not be found out otherwise."""
    return _display.get() is not None


def show(text: str | None) -> None:
    display = _display.get()
    if display is not None:
        display(text)
