"""The same splice on files of every make: right or untouched, and undone to the byte."""

from __future__ import annotations

import ast
import codecs
import io
import os
import stat
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from stitchgen.errors import StitchError
from stitchgen.history import undo
from stitchgen.pipeline import splice
from stitchgen.project import config
from tests.support.commands import request_of
from tests.support.spliced import tree

FLAGS = "se --after model.py::Net.layer1"
NET = '''\
"""A small model."""
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.layer1 = nn.Conv2d(3, width, 3)  # the first
        self.layer2 = nn.Conv2d(width, 8, 3)

    def forward(self, x):
        x = self.layer1(x)
        return self.layer2(x)
'''
DEFINITION = "self.layer1_se = SE(channels=width)"
CALL = "x = self.layer1_se(x)"
IMPORT = "from blocks.se import SE"


def spliced(root: Path, python: str, flags: str = FLAGS, file: str = "model.py") -> bytes:
    """The model file after the splice, every other byte of which is as before; then undone."""
    before, raw = tree(root), (root / file).read_bytes()
    # Proofs are the business of other tests; by reading, a splice takes milliseconds.
    request = request_of(f"{flags} --no-prove" if "--no-prove" not in flags else flags, python)
    outcome = splice.run(config.find_project(root), request)
    after = (root / file).read_bytes()
    (change,) = (change for change in outcome.changes if change.path == file)
    assert all(edit.start == edit.end for edit in change.edits), "more than inserted"
    assert without(after, change.edits) == raw
    ast.parse(after)
    undo.run(config.find_project(root))
    assert tree(root) == before
    return after


def left_alone(root: Path, python: str) -> str:
    """The code of the refusal; nothing may have been written."""
    before = tree(root)
    with pytest.raises(StitchError) as refusal:
        spliced(root, python)
    assert tree(root) == before
    return refusal.value.code


def without(after: bytes, edits) -> bytes:
    """The bytes without the inserted spans."""
    kept, position, shift = [], 0, 0
    for edit in sorted(edits):
        start = edit.start + shift
        assert after[start : start + len(edit.text)] == edit.text
        kept.append(after[position:start])
        position = start + len(edit.text)
        shift += len(edit.text)
    return b"".join([*kept, after[position:]])


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    return tmp_path


def write(root: Path, raw: bytes) -> None:
    (root / "model.py").write_bytes(raw)


def lines(raw: bytes) -> list[str]:
    """The lines of a file, decoded as Python does, with their endings."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return raw.decode(encoding).splitlines(keepends=True)


def test_bom(root: Path, python: str) -> None:
    write(root, codecs.BOM_UTF8 + NET.encode())
    after = spliced(root, python)
    assert after.startswith(codecs.BOM_UTF8)
    assert after.count(codecs.BOM_UTF8) == 1
    assert f"        {DEFINITION}\n" in lines(after)


def test_bom_without_docstring(root: Path, python: str) -> None:
    write(root, codecs.BOM_UTF8 + NET.split("\n", 1)[1].encode())
    assert spliced(root, python).startswith(codecs.BOM_UTF8 + b"import torch.nn as nn\nfrom blocks")


def test_crlf(root: Path, python: str) -> None:
    write(root, NET.replace("\n", "\r\n").encode())
    after = spliced(root, python)
    assert after.count(b"\n") == after.count(b"\r\n")
    assert f"        {CALL}\r\n".encode() in after


def test_old_mac_newlines(root: Path, python: str) -> None:
    write(root, NET.replace("\n", "\r").encode())
    assert left_alone(root, python) == "lossy-file"


def test_latin_1(root: Path, python: str) -> None:
    text = "# coding: latin-1\n" + NET.replace("the first", "d\xe9finition, \xfcber alles")
    text = text.replace("A small model", "Un petit mod\xe8le")
    write(root, text.encode("latin-1"))
    after = spliced(root, python).decode("latin-1")
    assert f"  # d\xe9finition, \xfcber alles\n        {DEFINITION}\n" in after


def test_letters_before_the_call(root: Path, python: str) -> None:
    """Columns are bytes in `ast`, characters elsewhere."""
    text = NET.replace(
        "return self.layer2(x)", 'return {"\u6ce8\u610f": self.layer1(x)}["\u6ce8\u610f"]'
    )
    text = text.replace("        x = self.layer1(x)\n", "")
    for encoding in ("utf-8", "gbk"):
        write(root, f"# -*- coding: {encoding} -*-\n{text}".encode(encoding))
        after = spliced(root, python).decode(encoding)
        assert '{"\u6ce8\u610f": self.layer1_se(self.layer1(x))}' in after


def test_no_newline_at_the_end(root: Path, python: str) -> None:
    text = NET.replace("        return self.layer2(x)\n", "").rstrip("\n")
    text = text.replace(
        "x = self.layer1(x)", "self.out = x = self.layer2(self.layer1(x))\n        return x"
    )
    write(root, text.encode())
    assert not spliced(root, python).endswith(b"\n")


def test_last_line_is_the_anchor(root: Path, python: str) -> None:
    """The definition goes behind the last line, which has no newline of its own."""
    head, _, rest = NET.partition("    def __init__")
    init, _, forward = rest.partition("    def forward")
    text = f"{head}    def forward{forward}\n    def __init__{init.rstrip()}"
    text = text.replace("        self.layer2 = nn.Conv2d(width, 8, 3)", "").rstrip() + "  # end"
    text = text.replace("self.layer2(x)", "x")
    write(root, text.encode())
    assert spliced(root, python).endswith(f"  # end\n        {DEFINITION}".encode())


def test_tabs(root: Path, python: str) -> None:
    write(root, NET.replace("    ", "\t").encode())
    after = spliced(root, python)
    assert f"\t\t{DEFINITION}\n" in lines(after)
    assert f"\t\t{CALL}\n" in lines(after)


def test_two_spaces(root: Path, python: str) -> None:
    write(root, NET.replace("    ", "  ").encode())
    after = spliced(root, python)
    assert f"    {DEFINITION}\n" in lines(after)


def test_form_feeds(root: Path, python: str) -> None:
    write(root, NET.replace("\n\nclass", "\n\f\nclass").replace("(x)\n", "(x)\f\n").encode())
    assert spliced(root, python).count(b"\f") == 3


def test_form_feed_in_an_indent(root: Path, python: str) -> None:
    """LibCST does not give this file back."""
    write(root, NET.replace("    def forward", "\f    def forward").encode())
    assert left_alone(root, python) == "lossy-file"


def test_future_import(root: Path, python: str) -> None:
    text = NET.replace(
        "import torch.nn as nn", "from __future__ import annotations\nimport torch.nn as nn"
    )
    write(root, text.encode())
    assert f"import torch.nn as nn\n{IMPORT}\n" in spliced(root, python).decode()


def test_future_import_alone(root: Path, python: str) -> None:
    """The file's imports stand in a `try`: the new one may not come before `__future__`."""
    text = NET.replace(
        "import torch.nn as nn\n",
        "from __future__ import annotations\n\ntry:\n    import torch.nn as nn\n"
        "except ImportError:\n    raise\n",
    )
    write(root, text.encode())
    after = spliced(root, python).decode()
    assert after.index("__future__") < after.index(IMPORT) < after.index("class Net")


def test_path_is_set_before_imports(root: Path, python: str) -> None:
    text = NET.replace(
        "import torch.nn as nn\n",
        "import sys\n\nsys.path.insert(0, '.')\nimport torch.nn as nn  # noqa: E402\n",
    )
    write(root, text.encode())
    assert f"# noqa: E402\n{IMPORT}\n" in spliced(root, python).decode()


def test_implicitly_concatenated_docstring(root: Path, python: str) -> None:
    text = NET.replace('"""A small model."""\n', '("A small "\n "model.")\n')
    text = text.replace(
        "self.layer2 =", "self.text = 'one' \\\n            'two'\n        self.layer2 ="
    )
    write(root, text.encode())
    after = spliced(root, python).decode()
    assert after.startswith('("A small "\n "model.")\n')
    assert ast.get_docstring(ast.parse(after)) == "A small model."


def test_type_checking_imports(root: Path, python: str) -> None:
    text = NET.replace(
        "import torch.nn as nn\n",
        "from typing import TYPE_CHECKING\n\nimport torch.nn as nn\n\n"
        "if TYPE_CHECKING:\n    from torch import Tensor\n",
    )
    write(root, text.encode())
    after = spliced(root, python).decode()
    assert f"import torch.nn as nn\n{IMPORT}\n\nif TYPE_CHECKING:" in after


def test_license_and_comments(root: Path, python: str) -> None:
    text = "#!/usr/bin/env python3\n# Copyright, all of it.\n\n" + NET
    text = text.replace(
        "        x = self.layer1(x)\n", "        x = self.layer1(x)  # here\n        # there\n"
    )
    write(root, text.encode())
    after = spliced(root, python).decode()
    assert after.startswith("#!/usr/bin/env python3\n# Copyright")
    assert f"x = self.layer1(x)  # here\n        {CALL}\n        # there\n" in after


ONE_LINERS = {
    "semicolons": ("x = self.layer1(x)\n", "x = self.layer1(x); y = x\n"),
    "one-line if": ("x = self.layer1(x)\n", "if True: x = self.layer1(x)\n"),
    "one-line with": ("x = self.layer1(x)\n", "with open(__file__): x = self.layer1(x)\n"),
    "definition behind a semicolon": ("super().__init__()\n", "super().__init__(); self.k = 1\n"),
    "backslash": ("x = self.layer1(x)\n", "x = \\\n            self.layer1(x)\n"),
    "parentheses": (
        "x = self.layer1(x)\n",
        "x = (\n            self.layer1(x)  # why\n        )\n",
    ),
    "many lines": ("x = self.layer1(x)\n", "x = self.layer1(\n            x,\n        )\n"),
    "walrus": ("x = self.layer1(x)\n", "(x := self.layer1(x))\n"),
    "annotated": ("x = self.layer1(x)\n", "x: object = self.layer1(x)\n"),
    "trailing space": ("x = self.layer1(x)\n", "x = self.layer1(x)  \n"),
    "augmented": ("x = self.layer1(x)\n", "y = 0\n        y += self.layer1(x)\n        x = y\n"),
    "f-string": ("return self.layer2(x)", 'print(f"{x.shape}" "{}"); return self.layer2(x)'),
}


@pytest.mark.parametrize("name", ONE_LINERS)
def test_statements_that_share_a_line(name: str, root: Path, python: str) -> None:
    old, new = ONE_LINERS[name]
    assert old in NET
    write(root, NET.replace(old, new).encode())
    after = spliced(root, python).decode()
    assert "self.layer1_se(" in after


#: What a file may be made of; hypothesis mixes them.
MIXTURE = {
    "bom": st.booleans(),
    "newlines": st.lists(st.sampled_from(["\n", "\r\n"]), min_size=1, max_size=5),
    "indent": st.sampled_from(["    ", "\t", "  ", "   "]),
    "end": st.sampled_from(["", "\n", "\n\n", "\n# end", "\n    # end", "\f\n"]),
    "comment": st.sampled_from(["", "# \xe9\u6ce8", "# coding", "\f"]),
    "call": st.sampled_from([new for old, new in ONE_LINERS.values() if "layer1" in old]),
}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(**MIXTURE)
def test_mixtures(
    root: Path,
    python: str,
    bom: bool,
    newlines: list[str],
    indent: str,
    end: str,
    comment: str,
    call: str,
) -> None:
    text = NET.replace("x = self.layer1(x)\n", call).replace("# the first", comment)
    text = text.rstrip("\n").replace("    ", indent) + end
    parts = text.split("\n")
    for number, part in enumerate(parts[:-1]):
        # A backslash or a comment goes with any newline, as long as it is one.
        parts[number] = part + newlines[number % len(newlines)]
    write(root, (codecs.BOM_UTF8 if bom else b"") + "".join(parts).encode())
    before = tree(root)
    try:
        spliced(root, python)
    except StitchError as error:
        assert error.code == "lossy-file"  # LibCST does not give every file back
        assert tree(root) == before
        reject()


# The file itself ----------------------------------------------------------------------------------


def test_symbolic_link(root: Path, python: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    (root / "real").mkdir()
    (root / "real" / "net.py").write_text(NET)
    (root / "model.py").symlink_to("real/net.py")
    before = tree(root)
    splice.run(config.find_project(root), request_of(FLAGS + " --no-prove", python))
    assert (root / "model.py").is_symlink()
    assert DEFINITION in (root / "real" / "net.py").read_text()
    undo.run(config.find_project(root))
    assert (root / "model.py").is_symlink()
    assert tree(root) == before


@pytest.mark.parametrize("place", ["real", "../shared"])
def test_blocks_go_beside_the_link_that_was_named(
    root: Path, python: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is imported from the link's folder, and the edit is written through the link."""
    folder = root / "project"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / place).mkdir()
    (folder / place / "net.py").write_text(NET)
    (folder / "model.py").symlink_to(f"{place}/net.py")
    before = tree(root)
    project = config.find_project(folder)
    monkeypatch.chdir(folder)
    done = splice.run(project, request_of(FLAGS, python))
    assert [change.path for change in done.changes][-2:] == ["model.py", "stitchgen.lock"]
    assert done.result["proof"]["laws"]
    assert (folder / "model.py").is_symlink()
    assert DEFINITION in (folder / place / "net.py").read_text()
    assert sorted(path.name for path in folder.rglob("se.py")) == ["se.py"]
    assert (folder / "blocks" / "se.py").is_file()
    build = [sys.executable, "-B", "-c", "import model; model.Net()"]
    assert subprocess.run(build, cwd=folder).returncode == 0
    assert splice.run(project, request_of(FLAGS, python)).changes == []
    undo.run(project)
    assert tree(root) == before


@pytest.mark.parametrize("mode", [0o644, 0o755, 0o600, 0o664])
def test_mode_bits(root: Path, python: str, mode: int) -> None:
    write(root, NET.encode())
    (root / "model.py").chmod(mode)
    splice.run(config.find_project(root), request_of(FLAGS + " --no-prove", python))
    assert stat.S_IMODE((root / "model.py").stat().st_mode) == mode
    undo.run(config.find_project(root))
    assert stat.S_IMODE((root / "model.py").stat().st_mode) == mode


def test_read_only_file(root: Path, python: str) -> None:
    write(root, NET.encode())
    (root / "model.py").chmod(0o444)
    before = tree(root)
    with pytest.raises(StitchError) as refusal:
        splice.run(config.find_project(root), request_of(FLAGS + " --no-prove", python))
    assert refusal.value.code == "not-writable"
    assert tree(root) == before


@pytest.mark.parametrize(
    ("cookie", "encoding", "newline"),
    [("", "utf-8-sig", "\r\n"), ("# coding: latin-1\n", "latin-1", "\n")],
)
def test_the_model_runs_from_the_file_as_it_is(
    root: Path, python: str, cookie: str, encoding: str, newline: str
) -> None:
    """Observed call sites are found behind letters, tabs, a form feed and a BOM alike."""
    text = cookie + NET.replace("the first", "d\xe9but").replace("    ", "\t")
    text = text.replace("x = self.layer1(x)", "\f\n\t\tx = {'\xe9': self.layer1(x)}['\xe9']")
    write(root, text.replace("\n", newline).encode(encoding))
    before = tree(root)
    outcome = splice.run(config.find_project(root), request_of(FLAGS, python))
    assert outcome.result["proof"]["laws"]
    after = (root / "model.py").read_bytes().decode(encoding)
    assert f"\t\t{DEFINITION}{newline}" in after
    assert "{'\xe9': self.layer1_se(self.layer1(x))}" in after
    undo.run(config.find_project(root))
    assert tree(root) == before
