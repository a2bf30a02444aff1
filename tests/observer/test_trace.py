"""Where the observer sees layers created and called, in every shape of a class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from stitchgen.analysis.runtime_backend import Observer
from stitchgen.analysis.subject import Subject
from stitchgen.source.document import Document

SHAPES = """\
import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint


def conv():
    return nn.Conv2d(3, 3, 1)


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = conv()


class Assigned(Base):
    def forward(self, x):
        x = self.l(x)
        return x


class Nested(Base):
    def forward(self, x):
        return torch.relu(self.l(x) + 1)


class Returned(Base):
    def forward(self, x):
        return self.l(x)


class ByForward(Base):
    def forward(self, x):
        return self.l.forward(x)


class ManyLines(Base):
    def forward(self, x):
        return (
            self
            .l(
                x,
            )
        )


class Twice(Base):
    def forward(self, x):
        return self.l(self.l(x))


class ByName(Base):
    def forward(self, x):
        return getattr(self, "l")(x)


class Alias(Base):
    def forward(self, x):
        layer = self.l
        return layer(x)


class Inherited(Assigned):
    pass


class InClosure(Base):
    def forward(self, x):
        def run(y):
            return self.l(y)

        return checkpoint(run, x, use_reentrant=False)


class Checkpointed(Base):
    def forward(self, x):
        return checkpoint(self.l, x, use_reentrant=False)


class Reentrant(Base):
    def forward(self, x):
        return checkpoint(self.l, x, use_reentrant=True)


class Branches(Base):
    def forward(self, x):
        if self.training:
            return self.l(x)
        return -self.l(x)


class Mapped(Base):
    def forward(self, x):
        return sum(map(self.l, [x]))


class Several(nn.Module):
    def __init__(self):
        super().__init__()
        self.ls = nn.ModuleList()
        for _ in range(3):
            self.ls.append(conv())


class Loop(Several):
    def forward(self, x):
        for blk in self.ls:
            x = blk(x)
        return x


class Comprehension(Several):
    def forward(self, x):
        return sum([t(x) for t in self.ls])


class Enumerated(Several):
    def forward(self, x):
        for i, blk in enumerate(self.ls):
            x = blk(x) * i
        return x


class Zipped(Several):
    def forward(self, x):
        for blk, factor in zip(self.ls, (1, 2, 3)):
            x = factor * blk(x)
        return x


class Reversed(Several):
    def forward(self, x):
        for blk in reversed(self.ls):
            x = blk(x)
        return x


class Indexed(Several):
    def forward(self, x):
        for i in range(len(self.ls)):
            x = self.ls[i](x)
        return x


class Keyed(nn.Module):
    def __init__(self):
        super().__init__()
        self.by = nn.ModuleDict({"a": conv(), "b": conv()})

    def forward(self, x):
        return self.by["b"](self.by["a"](x))


class Sequentials(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(conv(), nn.Sequential(conv(), nn.ReLU()))

    def forward(self, x):
        x = self.body(x)
        return x


class OwnSequential(nn.Sequential):
    def __init__(self):
        super().__init__(conv(), conv())


class OfOwn(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = OwnSequential()

    def forward(self, x):
        return self.body(x)


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = conv()

    def forward(self, x):
        return self.l(x)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = Inner()
        self.two = Inner()

    def forward(self, x):
        return self.two(self.one(x))


class Helper(nn.Module):
    def __init__(self):
        super().__init__()
        self.build()

    def build(self):
        self.l = conv()

    def forward(self, x):
        return self.l(x)
"""

#: class, path of the layer, how it is called, the call's code, the way from what is called down
SITES = [
    ("Assigned", "l", "call", "self.l(x)", []),
    ("Nested", "l", "call", "self.l(x)", []),
    ("Returned", "l", "call", "self.l(x)", []),
    ("ByForward", "l", "forward", "self.l.forward(x)", []),
    ("ManyLines", "l", "call", "self\n            .l(\n                x,\n            )", []),
    ("ByName", "l", "call", 'getattr(self, "l")(x)', []),
    ("Alias", "l", "call", "layer(x)", []),
    ("Inherited", "l", "call", "self.l(x)", []),
    ("InClosure", "l", "call", "self.l(y)", []),
    ("Checkpointed", "l", "argument", "checkpoint(self.l, x, use_reentrant=False)", []),
    ("Reentrant", "l", "argument", "checkpoint(self.l, x, use_reentrant=True)", []),
    ("Loop", "ls.1", "call", "blk(x)", []),
    ("Comprehension", "ls.1", "call", "t(x)", []),
    ("Enumerated", "ls.1", "call", "blk(x)", []),
    ("Zipped", "ls.1", "call", "blk(x)", []),
    ("Reversed", "ls.1", "call", "blk(x)", []),
    ("Indexed", "ls.1", "call", "self.ls[i](x)", []),
    ("Keyed", "by.a", "call", 'self.by["a"](x)', []),
    ("Keyed", "by.b", "call", 'self.by["b"](self.by["a"](x))', []),
    ("Sequentials", "body", "call", "self.body(x)", []),
    ("Sequentials", "body.0", "call", "self.body(x)", ["0"]),
    ("Sequentials", "body.1.0", "call", "self.body(x)", ["1", "0"]),
    ("OfOwn", "body.1", "call", "self.body(x)", ["1"]),
    ("Shared", "two.l", "call", "self.l(x)", []),
    ("Helper", "l", "call", "self.l(x)", []),
]

Table = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def surveyed(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Table]:
    """`{class: {path: layer}}` of all shapes, in one run of the observer."""
    root = tmp_path_factory.mktemp("shapes").resolve()
    (root / "model.py").write_text(SHAPES)
    names = sorted({name for name, *_ in SITES} | {"Twice", "Branches", "Mapped"})
    with Observer(python, Subject(root / "model.py", "model", (root,), root)) as observer:
        answer = observer.ask("survey", builds=[f"{name}()" for name in names], inputs=[])
    table = {}
    for name, build in zip(names, answer["builds"]):
        assert build["ok"], build
        table[name] = {layer["path"]: layer for layer in build["layers"]}
        for layer in build["layers"]:
            layer["frames"] = [build["frames"][number] for number in layer["registered"]]
    yield table


def code_of(site: dict[str, Any]) -> str:
    document = Document(SHAPES.encode(), "model.py")
    line, column, end_line, end_column = site["span"]
    return document.code((document.offset(line, column), document.offset(end_line, end_column)))


@pytest.mark.parametrize(
    ("name", "path", "how", "code", "chain"), SITES, ids=lambda v: v if isinstance(v, str) else ""
)
def test_call_site(
    surveyed: Table, name: str, path: str, how: str, code: str, chain: list[str]
) -> None:
    layer = surveyed[name][path]
    (site,) = layer["sites"]
    assert (site["how"], code_of(site), site["chain"]) == (how, code, chain)
    assert layer["calls"] == {"eval": 1, "train": 1}
    assert sorted(site["modes"]) == ["eval", "train"]
    owner = path.rpartition(".")[0] if name == "Shared" else ""
    assert site["owner"] == owner


def test_calls_are_numbered_as_they_are_made(surveyed: Table) -> None:
    layer = surveyed["Twice"]["l"]
    numbered = {code_of(site): site["numbers"] for site in layer["sites"]}
    assert numbered == {"self.l(x)": [1], "self.l(self.l(x))": [2]}


def test_eval_and_train_are_both_observed(surveyed: Table) -> None:
    sites = surveyed["Branches"]["l"]["sites"]
    assert sorted((site["modes"], site["line"]) for site in sites) == [
        (["eval"], line_with("return -self.l(x)")),
        (["train"], line_with("return self.l(x)", after="class Branches")),
    ]


def test_an_exact_span_of_the_wrong_call_is_no_site(surveyed: Table) -> None:
    (site,) = surveyed["Mapped"]["l"]["sites"]
    assert site["how"] == "unresolved"


def line_with(text: str, after: str = "") -> int:
    start = SHAPES.index(after)
    return SHAPES.count("\n", 0, SHAPES.index(text, start)) + 1


@pytest.mark.parametrize(
    ("name", "path", "lines"),
    [
        ("Assigned", "l", ["self.l = conv()"]),
        ("Inherited", "l", ["self.l = conv()"]),
        ("Helper", "l", ["self.l = conv()", "self.build()"]),
        ("Loop", "ls.1", ["self.ls.append(conv())"]),
        ("Sequentials", "body.1.0", ["self.body = nn.Sequential("]),
        ("OfOwn", "body.1", ["super().__init__(conv(), conv())", "self.body = OwnSequential()"]),
    ],
)
def test_definition_site(surveyed: Table, name: str, path: str, lines: list[str]) -> None:
    """The frames outside torch, innermost first, in which the layer was put at its place."""
    frames = surveyed[name][path]["frames"]
    found = [SHAPES.splitlines()[frame["line"] - 1].strip() for frame in frames]
    for line, text in zip(found, lines):
        assert line.startswith(text), (found, lines)
    assert len(found) >= len(lines)
