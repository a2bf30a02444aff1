"""One line on a terminal that says what is being done, and for how long; gone when it is done."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TextIO

import click

#: Seconds before the first line, and between two.
PATIENCE, TURN = 0.5, 0.2
ERASE = "\r\x1b[K"


class ProgressLine:
    """A display for `analysis.progress`; ends with `close`."""

    def __init__(self, stream: TextIO, started: float):
        self.stream, self.started = stream, started
        self.text: str | None = None
        self.drawn = False
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self, text: str | None) -> None:
        with self.lock:
            self.text = text
            if text is not None and self.thread is None:
                self.thread = threading.Thread(target=self.run, daemon=True)
                self.thread.start()
            if text is None:
                self.erase()

    def run(self) -> None:
        while not self.ended.wait(TURN):
            with self.lock:
                taken = time.monotonic() - self.started
                if self.text is not None and taken > PATIENCE and not self.ended.is_set():
                    self.draw(f"{self.text} ({taken:.0f} s)")

    def draw(self, text: str) -> None:
        columns = shutil.get_terminal_size().columns
        shown = text if len(text) < columns else text[: columns - 2] + "…"
        self.stream.write(ERASE + click.style(shown, dim=True))
        self.stream.flush()
        self.drawn = True

    def erase(self) -> None:
        if self.drawn:
            self.stream.write(ERASE)
            self.stream.flush()
            self.drawn = False

    def close(self) -> None:
        self.ended.set()
        self(None)
