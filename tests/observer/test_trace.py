"""The observer: where layers are created and called, and models that do what they like."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stitchgen.analysis import import_safety
from stitchgen.analysis.runtime_backend import Observer
from stitchgen.analysis.subject import Subject
from stitchgen.errors import StitchError
from stitchgen.pipeline import splice
from stitchgen.project import config
from stitchgen.source.document import Document
from tests.support.commands import request_of
from tests.support.spliced import tree

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
    frames = surveyed[name][path]["definition"][-1]
    found = [SHAPES.splitlines()[frame["line"] - 1].strip() for frame in frames]
    for line, text in zip(found, lines):
        assert line.startswith(text), (found, lines)
    assert len(found) >= len(lines)


# Models that do what they like --------------------------------------------------------------------

NET = """\
import os
import socket
import subprocess
import sys
import time

import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        {forward}
        x = self.conv(x)
        return x
"""
FLAGS = "se --after model.py::Net.conv"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def net(forward: str = "pass", top: str = "") -> str:
    return NET.replace("{forward}", forward) + top


def spliced(root: Path, python: str, source: str) -> dict[str, Any]:
    (root / "model.py").write_text(source)
    return splice.run(config.find_project(root), request_of(FLAGS, python)).result


def refused(root: Path, python: str, source: str) -> StitchError:
    (root / "model.py").write_text(source)
    before = tree(root)
    with pytest.raises(StitchError) as refusal:
        splice.run(config.find_project(root), request_of(FLAGS, python))
    assert tree(root) == before
    return refusal.value


def test_prints(root: Path, python: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Prints, also past `sys.stdout`, spoil no answer and reach no terminal."""
    forward = (
        "print('{', x.shape); os.write(1, b'[1'); sys.stderr.write('oops'); sys.stdout.flush()"
    )
    assert spliced(root, python, net(forward))["proof"]["laws"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("call", ["sys.exit(3)", "raise SystemExit", "exit()"])
def test_exits_in_forward(root: Path, python: str, call: str) -> None:
    error = refused(root, python, net(call))
    assert error.code == "does-not-run"
    assert "sys.exit" in error.message


def test_exits_at_import(root: Path, python: str) -> None:
    error = refused(
        root, python, "import sys\n\nclass Meta(type):\n    x = sys.exit(4)\n\n" + net()
    )
    assert error.code == "does-not-build"


def test_is_killed(root: Path, python: str) -> None:
    error = refused(root, python, net("os.kill(os.getpid(), 9)"))
    assert error.code == "does-not-run"
    assert "ended by signal 9" in error.message
    assert "--python" in (error.hint or "")


def test_ends_the_process(root: Path, python: str) -> None:
    error = refused(root, python, net("os._exit(5)"))
    assert (error.code, "ended with status 5" in error.message) == ("does-not-run", True)


@pytest.mark.parametrize("place", ["forward", "import"])
def test_hangs(root: Path, python: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STITCHGEN_TIMEOUT", "8")
    wait = "time.sleep(600)"
    source = net(wait) if place == "forward" else net() + f"\n\nclass Late:\n    x = {wait}\n"
    started = time.monotonic()
    error = refused(root, python, source)
    assert time.monotonic() - started < 60
    assert (error.code, "more than 8 seconds" in error.message) == ("does-not-run", True)
    assert "STITCHGEN_TIMEOUT" in (error.hint or "")


def test_runs_in_a_circle(root: Path, python: str) -> None:
    error = refused(root, python, net("return self(x)"))
    assert error.code == "does-not-run"
    assert "RecursionError" in error.message


FORBIDDEN = {
    "a process": "subprocess.run(['touch', 'touched'])",
    "a shell": "os.system('touch touched')",
    "a file": "open('touched', 'w').close()",
    "a folder": "os.mkdir('touched')",
    "a removal": "os.remove('model.py')",
    "the network": "socket.create_connection(('127.0.0.1', 9), timeout=1)",
    "a server": "socket.socket().bind(('127.0.0.1', 0))",
}


@pytest.mark.parametrize("place", ["forward", "import"])
@pytest.mark.parametrize("what", FORBIDDEN)
def test_may_not_touch_anything(root: Path, python: str, what: str, place: str) -> None:
    code = FORBIDDEN[what]
    source = net(code) if place == "forward" else net(top=f"\n\nclass Late:\n    x = {code}\n")
    error = refused(root, python, source)
    assert error.code == ("does-not-run" if place == "forward" else "does-not-build")
    assert "not allowed here" in error.message
    assert not (root / "touched").exists()


def test_careful_code_goes_on_without(root: Path, python: str) -> None:
    """A model that logs where it may, and else not, is run."""
    lines = "try:", "    open('log.txt', 'a').write('x')", "except OSError:", "    pass"
    forward = "\n        ".join(lines)
    assert spliced(root, python, net(forward))["proof"]["laws"]
    assert not (root / "log.txt").exists()


SCRIPT = """

print("starting")
model = Net()
WIDTHS = [8, 16]
for epoch in range(3):
    open("touched", "w").close()
model.load_state_dict({})
if len(sys.argv) > 99:
    os.remove("model.py")


def build():
    return Net()


open("touched", "a")
"""


def test_a_training_script_is_not_run(root: Path, python: str) -> None:
    result = spliced(root, python, net(top=SCRIPT))
    assert not (root / "touched").exists()
    (warning,) = (w for w in result["warnings"] if w["code"] == "left-out")
    first = net().count("\n") + 3
    assert warning["where"] == f"model.py:{first}"
    assert "only definitions were run" in warning["message"]


def test_what_is_left_out_of_a_script() -> None:
    import ast

    source = net(top=SCRIPT)
    first = {line for line, _ in import_safety.left_out(ast.parse(source))}
    kept = [node for node in ast.parse(source).body if node.lineno not in first]
    assert "WIDTHS = [8, 16]" in [ast.unparse(node) for node in kept]
    names = [node.name for node in kept if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert names == ["Net", "build"]
    assert not any("touched" in ast.unparse(node) for node in kept)


def test_leaves_no_bytecode(root: Path, python: str) -> None:
    spliced(root, python, net())
    assert not [path for path in root.rglob("*") if "__pycache__" in path.parts]
    assert os.listdir(root / "blocks") == ["se.py"]
