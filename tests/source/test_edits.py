"""edits.py: bytes in, bytes out, and patches that git turns into exactly the bytes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stitchgen.errors import InternalError
from stitchgen.source.edits import Edit, FileChange, apply, inverse, patch

# -- applying ------------------------------------------------------------------------------------


def test_no_edits_change_nothing() -> None:
    assert apply(b"x = 1\r\n", []) == b"x = 1\r\n"


def test_edits_are_made_at_positions_of_the_original_in_any_order() -> None:
    edits = [Edit(6, 6, b"!"), Edit(0, 1, b"J"), Edit(3, 5, b"")]
    assert apply(b"hello.", edits) == b"Jel.!"


def test_insertions_at_one_place_keep_the_given_order() -> None:
    assert apply(b"x", [Edit(0, 0, b"f("), Edit(0, 0, b"g("), Edit(1, 1, b"))")]) == b"f(g(x))"


def test_an_insertion_goes_in_front_of_a_replacement_at_its_start() -> None:
    assert apply(b"ab", [Edit(0, 1, b"A"), Edit(0, 0, b">")]) == b">Ab"


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([Edit(0, 2, b""), Edit(1, 3, b"")], id="two spans share a byte"),
        pytest.param([Edit(0, 2, b""), Edit(1, 1, b"x")], id="an insertion inside of a span"),
        pytest.param([Edit(0, 2, b"a"), Edit(0, 2, b"b")], id="one span twice"),
        pytest.param([Edit(3, 9, b"")], id="a span behind the end"),
        pytest.param([Edit(2, 1, b"")], id="an end before its start"),
    ],
)
def test_edits_that_cannot_be_meant_are_a_defect(edits: list[Edit]) -> None:
    with pytest.raises(InternalError):
        apply(b"abcd", edits)


def test_a_change_names_its_action() -> None:
    assert FileChange("a", None, b"x").action == "create"
    assert FileChange("a", b"x", b"y").action == "edit"
    assert FileChange("a", b"x", None).action == "delete"
    assert FileChange.of("a", b"xy", [Edit(1, 1, b"-")]).after == b"x-y"


# -- random files --------------------------------------------------------------------------------

NASTY = [
    b"\xef\xbb\xbf",
    b"# -*- coding: latin-1 -*-\n",
    b"caf\xe9\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\t",
    b"\x0c\n",
    b"    x = self.layer2(x)",
    b"class A:",
    b"# \xe4\xb8\xad\n",
    b"-- a\n",
    b"\x00",
]
raw_files = st.lists(st.sampled_from(NASTY), max_size=30).map(b"".join)


@st.composite
def edited_files(draw: st.DrawFn) -> tuple[bytes, list[Edit]]:
    raw = draw(raw_files)
    cuts = sorted(draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    texts = st.lists(st.sampled_from(NASTY), max_size=3).map(b"".join)
    edits = []
    for start, end in zip(cuts[::2], cuts[1::2]):
        if edits and start < edits[-1].end:
            continue
        edits.append(Edit(start, draw(st.sampled_from([start, end])), draw(texts)))
    return raw, edits


@given(edited_files())
def test_taking_back_gives_every_byte_back(case: tuple[bytes, list[Edit]]) -> None:
    raw, edits = case
    assert apply(apply(raw, edits), inverse(raw, edits)) == raw


# -- patches -------------------------------------------------------------------------------------


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    done = subprocess.run(["git", *arguments], cwd=folder, input=stdin, capture_output=True)
    assert done.returncode == 0, (done.stderr.decode(), stdin)


def applied(folder: Path, changes: list[FileChange], prefix: str = "") -> None:
    """Lay out the files from before, let git apply the patch, and compare what is there."""
    for change in changes:
        path = folder / change.path
        if change.before is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(change.before)
        else:
            path.unlink(missing_ok=True)
    git(folder, "apply", "--whitespace=nowarn", "-", stdin=patch(changes, prefix))
    for change in changes:
        path = folder / change.path
        assert (path.read_bytes() if path.exists() else None) == change.after, change.path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", ".")
    return tmp_path


MODEL = b"".join(b"line %d\n" % number for number in range(40))
CASES = {
    "one line in the middle": (MODEL, [Edit(70, 70, b"x\n")]),
    "a wrap on one line": (MODEL, [Edit(63, 63, b"f("), Edit(66, 66, b")")]),
    "near and far changes": (MODEL, [Edit(0, 0, b"a\n"), Edit(50, 54, b""), Edit(280, 281, b"")]),
    "the first line": (MODEL, [Edit(0, 7, b"")]),
    "the last line": (MODEL, [Edit(len(MODEL), len(MODEL), b"end\n")]),
    "a newline is lost at the end": (MODEL, [Edit(len(MODEL) - 1, len(MODEL), b"")]),
    "no newline at the end, before and after": (b"a\nb", [Edit(0, 0, b"x\n")]),
    "a newline is added at the end": (b"a\nb", [Edit(3, 3, b"\nc\n")]),
    "a line is joined to the next": (b"a\nb\nc\n", [Edit(1, 2, b"")]),
    "the last line grows into what is put behind it": (
        b"a\n",
        [Edit(1, 2, b" "), Edit(2, 2, b"b")],
    ),
    "CRLF": (b"a\r\nb\r\nc\r\n", [Edit(3, 3, b"x\r\n")]),
    "mixed newlines": (b"a\r\nb\nc\rd\n", [Edit(5, 5, b"x\r\n")]),
    "latin-1": (b"# coding: latin-1\n# \xe9\nx\n", [Edit(22, 22, b"\xfc\n")]),
    "BOM": (b"\xef\xbb\xbfa\nb\n", [Edit(3, 3, b"x\n")]),
    "form feed and tabs": (b"a\n\x0c\n\tb\n", [Edit(4, 4, b"\tx\n")]),
    "text that looks like a patch": (b"-- a\n+++ b\n@@ -1 +1 @@\n", [Edit(0, 5, b"")]),
    "an empty file is filled": (b"", [Edit(0, 0, b"x\n")]),
}


@pytest.mark.parametrize("name", CASES)
def test_git_makes_exactly_the_bytes_of(name: str, repository: Path) -> None:
    raw, edits = CASES[name]
    change = FileChange.of("model.py", raw, edits)
    applied(repository, [change])
    applied(repository, [FileChange("model.py", change.after, change.before)])  # without edits


def test_new_and_deleted_files_beside_an_edit(repository: Path) -> None:
    applied(
        repository,
        [
            FileChange("blocks/cbam.py", None, b"class CBAM:\n    pass\n"),
            FileChange("no newline.py", None, b"x"),
            FileChange("old.py", b"x\ny\n", None),
            FileChange.of("model.py", MODEL, [Edit(70, 70, b"x\n")]),
            FileChange("stitchgen.lock", None, b"[splices]\n"),
        ],
    )
    assert not (repository / "old.py").exists()


@pytest.mark.parametrize("name", ["my model.py", "caf\u00e9.py", 'quo"te.py', "back\\slash.py"])
def test_awkward_names(name: str, repository: Path) -> None:
    applied(repository, [FileChange.of(name, b"a\nb\n", [Edit(2, 2, b"x\n")])])
    applied(repository, [FileChange(f"new/{name}", None, b"x\n")])


@pytest.mark.parametrize("inner", ["", "unet/", "a/", "b/"])
@pytest.mark.parametrize("folder", ["", "unet/", "lab/unet/", "a/"])
def test_below_the_root_of_a_repository(folder: str, inner: str, repository: Path) -> None:
    project = repository / folder
    project.mkdir(parents=True, exist_ok=True)
    changes = [
        FileChange(f"{inner}blocks/cbam.py", None, b"x\n"),
        FileChange.of(f"{inner}model.py", MODEL, [Edit(70, 70, b"x\n")]),
        FileChange("stitchgen.lock", b"a\n", b"b\n"),
    ]
    applied(project, changes, folder)


def test_a_change_that_changes_nothing_is_left_out() -> None:
    assert patch([FileChange("a", b"x\n", b"x\n")]) == b""


def test_an_empty_new_file_is_a_defect_of_the_plan() -> None:
    with pytest.raises(InternalError):
        patch([FileChange("blocks/__init__.py", None, b"")])


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edited_files())
def test_a_patch_equals_the_edits(repository: Path, case: tuple[bytes, list[Edit]]) -> None:
    raw, edits = case
    change = FileChange.of("model.py", raw, edits)
    # A file that is emptied is out of scope: no splice leaves one.
    if change.after and change.after != raw:
        applied(repository, [change])
        applied(repository, [FileChange("model.py", raw, change.after)])


def test_a_long_file_of_blank_lines_is_diffed_at_once() -> None:
    raw = b"\n" * 20_000
    text = patch([FileChange.of("a.py", raw, [Edit(0, 0, b"x\n"), Edit(19_000, 19_000, b"y\n")])])
    assert text.count(b"\n@@ ") == 2
