"""The explanations of all codes, read from the TOML files beside this module.

    [codes.many-calls]
    means, do          in English; means_zh, do_zh in Chinese
    change             a text of the sample's model.py, and what stands there in this example
    append             what follows its end
    move               where the file stands, if not at model.py
    files              further files, or another model.py
    commands           what is typed; the last one leads to the code. Empty where nothing small does

One file is one part of the documentation, in the order of their names.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stitchgen.errors import CODES

SAMPLE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.layer1 = nn.Conv2d(3, width, 3)
        self.layer2 = nn.Conv2d(width, width, 3)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        x = self.layer1(x)
        x = self.layer2(x).relu()
        return self.fc(x.mean((2, 3)))
"""


@dataclass(frozen=True)
class Part:
    """A part of the documentation: a title, in English and Chinese, and the codes in it."""

    title: str
    title_zh: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """What a code means, what to do, and an example that leads to it."""

    code: str
    means: str
    do: str
    means_zh: str
    do_zh: str
    files: dict[str, str]
    commands: tuple[str, ...]

    @property
    def kind(self) -> str:
        return "error" if self.code in CODES else "warning"

    def text(self, *, chinese: bool) -> tuple[str, str]:
        """What it means, and what to do."""
        return (self.means_zh, self.do_zh) if chinese else (self.means, self.do)


@cache
def explanations() -> tuple[dict[str, Explanation], tuple[Part, ...]]:
    """All explanations by their code, and the parts that they are in."""
    # Imported here: in Python 3.10, it is a package of its own.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    found: dict[str, Explanation] = {}
    parts = []
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        part = tomllib.loads(path.read_text("utf-8"))
        parts.append(Part(part["title"], part["title_zh"], tuple(part["codes"])))
        found |= {code: _explanation(code, **row) for code, row in part["codes"].items()}
    return found, tuple(parts)


def _explanation(
    code: str,
    *,
    means: str,
    do: str,
    means_zh: str,
    do_zh: str,
    commands: list[str],
    change: tuple[str, str] = ("", ""),
    append: str = "",
    move: str = "model.py",
    files: dict[str, Any] | None = None,
) -> Explanation:
    source = SAMPLE.replace(*change) + append if change[0] else SAMPLE + append
    shown = {move: source} | {
        path: text.removeprefix("\n").rstrip("\n") + "\n" for path, text in (files or {}).items()
    }
    return Explanation(code, means, do, means_zh, do_zh, shown, tuple(commands))
