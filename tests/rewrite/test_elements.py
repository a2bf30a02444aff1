"""A Sequential's elements as they are written: found, inserted beside, renumbered, refused."""

from __future__ import annotations

import ast

import pytest

from stitchgen.errors import StitchError
from stitchgen.rewrite.elements import Moved, inserted, shifted, written
from stitchgen.source.document import Document
from stitchgen.source.edits import apply
from stitchgen.source.syntax import Syntax

HEAD = "class Net:\n    def __init__(self):\n"


def syntax_of(body: str) -> Syntax:
    lines = "".join(f"        {line}\n" if line else "\n" for line in body.split("\n"))
    return Syntax(Document((HEAD + lines).encode(), "model.py"))


def put(body: str, index: int, *, before: bool = False, text: str = "B(1)") -> str:
    syntax = syntax_of(body)
    function = syntax.method("Net", "__init__")
    assert function is not None
    place = written(syntax, function, "f", [index])
    edits = inserted(syntax, place, text, before=before, line_length=100)
    after = apply(syntax.document.raw, edits).decode()
    ast.parse(after)
    return "\n".join(line[8:] for line in after.removeprefix(HEAD).splitlines())


@pytest.mark.parametrize(
    ("body", "index", "before", "after"),
    [
        ("self.f = S.Sequential(a(), b())", 0, False, None),
        ("self.f = nn.Sequential(a(), b())", 0, False, "self.f = nn.Sequential(a(), B(1), b())"),
        ("self.f = nn.Sequential(a(), b())", 1, False, "self.f = nn.Sequential(a(), b(), B(1))"),
        ("self.f = nn.Sequential(a(), b())", 0, True, "self.f = nn.Sequential(B(1), a(), b())"),
        (
            "self.f = nn.Sequential(a(), *rest)",
            0,
            False,
            "self.f = nn.Sequential(a(), B(1), *rest)",
        ),
        (
            "self.f = nn.Sequential(\n    a(),  # one\n    b()  # two\n)",
            0,
            False,
            "self.f = nn.Sequential(\n    a(),  # one\n    B(1),\n    b()  # two\n)",
        ),
        (
            "self.f = nn.Sequential(\n    a(),  # one\n    b()  # two\n)",
            1,
            False,
            "self.f = nn.Sequential(\n    a(),  # one\n    b(),  # two\n    B(1)\n)",
        ),
        (
            "self.f = nn.Sequential(\n    a(),\n    b())",
            1,
            False,
            "self.f = nn.Sequential(\n    a(),\n    b(),\n    B(1))",
        ),
        (
            "self.f = nn.Sequential(\n    a(),\n    b()\n)",
            1,
            False,
            "self.f = nn.Sequential(\n    a(),\n    b(),\n    B(1)\n)",
        ),
        (
            "self.f = nn.Sequential(\n    a(),\n    # two\n    b(),\n)",
            1,
            True,
            "self.f = nn.Sequential(\n    a(),\n    # two\n    B(1),\n    b(),\n)",
        ),
        (
            "x = [a()]\nx.append(b())\nself.f = nn.Sequential(*x)",
            1,
            True,
            "x = [a()]\nx.append(B(1))\nx.append(b())\nself.f = nn.Sequential(*x)",
        ),
        (
            "x = []\nx.extend([a(), b()])\nself.f = nn.Sequential(*x)",
            0,
            False,
            "x = []\nx.extend([a(), B(1), b()])\nself.f = nn.Sequential(*x)",
        ),
    ],
)
def test_put_beside(body: str, index: int, before: bool, after: str | None) -> None:
    if after is None:
        after = body.replace("a(), ", "a(), B(1), ")
    assert put(body, index, before=before) == after


@pytest.mark.parametrize(
    ("body", "index", "message"),
    [
        ("self.f = make()", 0, "makes it by make"),
        ("self.f = nn.Sequential(*[a() for _ in range(3)])", 1, "unpacks"),
        ("self.f = nn.Sequential(*rest, a())", 1, "unpacks"),
        ("x = []\nfor i in y:\n    x.append(a())\nself.f = nn.Sequential(*x)", 0, "in a loop"),
        ("x = [a()]\nx.insert(0, b())\nself.f = nn.Sequential(*x)", 1, "changes its list"),
        ("self.f = nn.Sequential(*x)", 0, "made elsewhere"),
        ("self.f = nn.Sequential(a())\nself.f = nn.Sequential(b())", 0, "assigns it 2 times"),
        ("self.f = nn.Sequential(OrderedDict(a=a()))", 0, "does not write its pairs out"),
        ("self.f = nn.Sequential(a())\nself.f += [b()]", 0, "assigns it 2 times"),
    ],
)
def test_refused(body: str, index: int, message: str) -> None:
    with pytest.raises(StitchError) as refused:
        put(body, index)
    assert refused.value.code == "unsupported"
    assert message in refused.value.message
    assert "Leave --inside out" in str(refused.value.hint)


def renumber(code: str, *, own: bool = True, length: int | None = 5, before: bool = False) -> str:
    """The code once an element is put in as number 2: behind the old number 1, or before number 2."""
    syntax = Syntax(Document(code.encode(), "model.py"))
    moved = Moved("f", 2, length, 3 if before else 2)
    return apply(syntax.document.raw, shifted(syntax, moved, own=own)).decode()


@pytest.mark.parametrize(
    ("code", "after", "before"),
    [
        ("self.f[0]", "self.f[0]", False),
        ("self.f[2]", "self.f[3]", False),
        ("self.f[-1]", "self.f[-1]", False),
        ("self.f[-5]", "self.f[0]", False),
        ("self.f[:2](x)", "self.f[:3](x)", False),
        ("self.f[2:](x)", "self.f[3:](x)", False),
        ("self.f[:2](x)", "self.f[:2](x)", True),
        ("self.f[2:](x)", "self.f[2:](x)", True),
        ("self.f[1:4]", "self.f[1:5]", False),
        ("self.f[1:-1]", "self.f[1:5]", False),
        ("self.g[2]", "self.g[2]", False),
        ("a, b = self.f[2], self.f[3]", "a, b = self.f[3], self.f[4]", False),
        ("'g.2'", "'g.2'", False),
        ("'f.1.weight'", "'f.1.weight'", False),
        ("len(self.f)", "len(self.f)", False),
    ],
)
def test_renumbered(code: str, after: str, before: bool) -> None:
    now = renumber(f"{code}\n", before=before).strip()
    elements, taken = list("abcde"), list("abXcde")
    if "[" in code and code.startswith("self.f"):
        subscript = code.partition("(x)")[0].replace("self.f", "e")
        old = eval(subscript, {"e": elements})
        new = eval(now.partition("(x)")[0].replace("self.f", "e"), {"e": taken})
        assert [one for one in new if one != "X"] == list(old)
    if code != "self.f[-5]" and code != "self.f[1:-1]":
        assert now == after


@pytest.mark.parametrize(
    ("code", "own", "message"),
    [
        ("self.f[i]", True, "not written out"),
        ("self.f[::2]", True, "in steps"),
        ("getattr(self.f, '3')", True, "by name"),
        ("for i, m in enumerate(self.f):\n    pass", True, "counts its elements"),
        ("list(self.f.children())[:3]", True, "by themselves"),
        ("x = 'f.2.weight'", True, "names an element"),
        ("model.f[0]", False, "by number"),
        ("self.f[-6]", True, "not written out"),
    ],
)
def test_who_counts_is_refused(code: str, own: bool, message: str) -> None:
    length = None if code == "self.f[-6]" else 5
    with pytest.raises(StitchError) as refused:
        renumber(f"{code}\n", own=own, length=length)
    assert message in refused.value.message and refused.value.where == "model.py:1"
