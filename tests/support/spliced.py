"""A small project with a splice in it, for the tests of what comes after the planning."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from stitchgen.history import ledger
from stitchgen.history.entries import SpliceRecord
from stitchgen.project import transaction
from stitchgen.source.document import Document, Span
from stitchgen.source.edits import Edit, FileChange

MODEL = '''\
"""A model."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.layer2 = nn.Conv2d(width, width, 3)
        self.features = nn.Sequential(nn.ReLU(), nn.ReLU())
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.conv1(x)
        # the second layer
        x = self.layer2(x)
        x = self.features(x)
        return self.head(x.mean((2, 3)))


def build():
    return Net()
'''

BLOCK = b'''\
"""A block."""

import torch.nn as nn


class CBAM(nn.Module):
    def forward(self, x):
        return x
'''


class Plan:
    """Edits to one model file, found by its code."""

    def __init__(self, raw: bytes, path: str = "model.py"):
        self.raw, self.path = raw, path
        self.document = Document(raw, path)
        self.edits: list[Edit] = []

    def statement(self, code: str) -> Span:
        return self._span(ast.stmt, code)

    def expression(self, code: str, last: bool = True) -> Span:
        return self._span(ast.expr, code, last)

    def _span(self, kind: type, code: str, last: bool = True) -> Span:
        document = self.document
        spans = [document.span_of(n) for n in ast.walk(document.tree) if isinstance(n, kind)]
        found = sorted(span for span in spans if document.code(span) == code)
        return found[-1 if last else 0]

    def after(self, code: str, lines: str) -> Plan:
        self.edits.append(self.document.lines_after(self.statement(code), lines))
        return self

    def wrap(self, code: str, before: str, after: str) -> Plan:
        self.edits += self.document.wrap(self.expression(code), before, after)
        return self

    def replace(self, code: str, text: str) -> Plan:
        self.edits.append(self.document.replace(self.expression(code), text))
        return self

    def lines_for(self, code: str, lines: str) -> Plan:
        self.edits.append(self.document.replace_lines(self.statement(code), lines))
        return self

    def change(self) -> FileChange:
        return FileChange.of(self.path, self.raw, self.edits)


def record(name: str = "layer2", block: str = "cbam", path: str = "model.py") -> SpliceRecord:
    return SpliceRecord(
        block,
        f"{path}::Net.{name}",
        "after",
        f"{name}_{block}",
        "line",
        "width",
        (f"blocks/{block}.py",),
    )


def commit(
    root: Path, splices: Sequence[SpliceRecord], changes: Sequence[FileChange], command: str = ""
) -> None:
    """Write the changes, the block file if it is not there, and the ledger."""
    block = splices[0].block
    if not (root / "blocks" / f"{block}.py").exists():
        source = BLOCK.replace(b"CBAM", block.upper().encode())
        changes = [FileChange(f"blocks/{block}.py", None, source), *changes]
    book = ledger.load(root)
    book = book.with_run(command or f"add {block}", splices, changes)
    transaction.commit(root, [*changes, book.change()])


def splice(root: Path, name: str = "layer2", block: str = "cbam", path: str = "model.py") -> None:
    """`add <block> --after model.<name>`, for a layer that is called in a line of its own."""
    plan = Plan((root / path).read_bytes(), path)
    class_name = block.upper()
    if class_name not in plan.document.text:
        plan.after("import torch.nn as nn", f"from blocks.{block} import {class_name}\n")
    definition = next(
        line.strip() for line in plan.document.text.splitlines() if f"self.{name} =" in line
    )
    plan.after(definition, f"self.{name}_{block} = {class_name}(width)\n")
    plan.after(f"x = self.{name}(x)", f"x = self.{name}_{block}(x)\n")
    commit(root, [record(name, block, path)], [plan.change()], f"add {block} --after {name}")


def tree(root: Path) -> dict[str, bytes | None]:
    """Every file and folder below the root, but git's."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
        if ".git" not in path.relative_to(root).parts
    }
