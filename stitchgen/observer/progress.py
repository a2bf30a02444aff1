"""What is being done, for those who wait: said by the parts that take long, heard by whoever asks for it."""

from __future__ import annotations

from typing import Callable, List

Listener = Callable[[str], None]

listeners: List[Listener] = []


def doing(text: str) -> None:
    """Say what begins now, in a few words: `building resnet50()`."""
    for listener in listeners:
        listener(text)
