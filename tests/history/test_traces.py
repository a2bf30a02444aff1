"""Traces: whatever was spliced into a file is found again and taken out of it."""

from __future__ import annotations

import ast
import random

import black
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stitchgen.errors import InternalError
from stitchgen.history import traces
from stitchgen.history.record import describe
from stitchgen.history.revert import removal
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, apply
from stitchgen.source.equivalence import same

SOURCE = '''\
import torch
from a import b, c


class Net(B):
    """Doc."""

    x: int = 3

    def __init__(self, width=8, *, k=None):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3)
        self.act, self.b = nn.ReLU(), nn.ReLU()
        if k:
            self.c = [f(i) for i in range(k) if i % 2]
        elif width > 3: self.c = None; self.d = 1
        else:
            with open(k) as f, g(x) as h:
                self.e = f"a{h!r:>{width}}b{k}" "c"
        for i, (a, b) in enumerate(self.c or ()):
            setattr(self, f"l{i}", lambda q, z=a: (q + z) * 2)

    @torch.no_grad()
    def forward(self, x, *args, **kw):
        x = self.conv1(
            x  # the input
        )
        y = x + self.act(x) * -self.b(x)[0, :, ::2]
        try:
            x = self.c(x, *args, **kw) if x is not None else (yield)
        except (KeyError, ValueError) as e:
            raise RuntimeError("x") from e
        finally:
            del y
        return self.head(x.mean((2, 3)))  # done


def build(n):
    while n > 0: n -= 1
    return {**Net().d, "a": Net(n)}.get("a")
'''
FORMS = [
    SOURCE.encode(),
    SOURCE.replace("\n", "\r\n").encode(),
    b"\xef\xbb\xbf" + SOURCE.encode(),
    SOURCE.replace("    ", "\t").encode(),
    ("# coding: latin-1\n# \xe9\n" + SOURCE.replace('"x"', '"\xfc"')).encode("latin-1"),
    SOURCE.rstrip("\n").encode(),
]


def planned(raw: bytes, rnd: random.Random) -> list[Edit]:
    """Edits of every kind that the planner makes, at random places."""
    document = Document(raw, "model.py")
    texts = [n for n in ast.walk(document.tree) if isinstance(n, ast.JoinedStr)]
    within_texts = {id(child) for text in texts for child in ast.walk(text)}
    nodes = [
        node
        for node in ast.walk(document.tree)
        if isinstance(node, (ast.stmt, ast.expr)) and id(node) not in within_texts
        if isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
    ]
    edits: list[Edit] = []
    for number, node in enumerate(rnd.sample(nodes, rnd.randint(1, 6))):
        try:
            more = edits + one(document, node, number, rnd)
            ast.parse(apply(raw, more))
        except (InternalError, SyntaxError):  # no place for this one, or not beside the others
            continue
        edits = more
    return edits


def one(document: Document, node: ast.AST, number: int, rnd: random.Random) -> list[Edit]:
    span = document.span_of(node)
    if isinstance(node, ast.expr):
        if rnd.random() < 0.6:
            return document.wrap(span, f"self.block{number}(", ")")
        return [document.replace(span, f"New{number}(1)")]
    way = rnd.choice(["after", "before", "behind", "instead"])
    if way == "after":
        return [document.lines_after(span, f"s{number} = 1\nif s{number}:\n    t()\n")]
    if way == "before":
        return [document.lines_before(span, f"s{number} = 2\n")]
    if way == "behind" and isinstance(node, (ast.Assign, ast.Expr, ast.Return)):
        return [document.insert(span[1], f"; s{number} = 3")]
    return [document.replace_lines(span, f"for u in v{number}:\n    w(u)\n")]


def taken_out(raw: bytes, marks: list[traces.Trace]) -> bytes:
    document = Document(raw, "model.py")
    located = traces.locate(document, marks)
    assert not located.missing
    return apply(raw, removal(document, located.found))


@settings(max_examples=100)
@given(st.randoms(use_true_random=False), st.sampled_from(FORMS))
def test_random_splices_are_taken_out_by_bytes_and_by_syntax(
    rnd: random.Random, raw: bytes
) -> None:
    edits = planned(raw, rnd)
    spliced = apply(raw, edits)
    marks = describe("model.py", raw, edits)
    encoding = Document(raw, "model.py").encoding.removesuffix("-sig")
    back = [
        Edit(piece.at, piece.at + len(piece.text.encode(encoding)), piece.replaced.encode(encoding))
        for mark in marks
        for piece in mark.pieces
    ]
    assert apply(spliced, back) == raw
    if all(mark.kind != "bytes" for mark in marks):
        assert taken_out(spliced, marks) == raw


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(20, 120))
def test_random_splices_are_taken_out_of_a_formatted_file(
    rnd: random.Random, line_length: int
) -> None:
    raw = SOURCE.encode()
    edits = planned(raw, rnd)
    marks = describe("model.py", raw, edits)
    assume(all(mark.kind != "bytes" for mark in marks))
    mode = black.Mode(line_length=line_length)
    formatted = black.format_str(apply(raw, edits).decode(), mode=mode)
    found = taken_out(formatted.encode(), marks)
    assert same(ast.parse(found), ast.parse(raw))


@pytest.mark.parametrize("code", ["x = 1\n", "", "# only a comment\n"])
def test_no_edits_leave_no_traces(code: str) -> None:
    assert describe("model.py", code.encode(), []) == []
