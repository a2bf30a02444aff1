"""The benchmark of the lives of splices: some steps of it, and that it sees what goes wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import lifecycle
from stitchgen.history import withdrawal
from stitchgen.source.edits import Edit


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("seed", "only"), [(7, ""), (11, ""), (15, ""), (508, ""), (1, "body")])
def test_some_lives(seed: int, only: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Five hundred steps; the life of seed 511 once went wrong, and what stands in one Sequential often did."""
    lives = ["100", "--seed", str(seed), "--only", only]
    assert lifecycle.main(lives) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert said.startswith("100 steps, 0 lives went wrong")
    for step in ("add", "edit", "format", "remove", "undo", "update: updated"):
        assert f" {step}\n" in said


def test_it_sees_a_line_that_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Taking one line too much out of an edited file."""

    def greedy(document: object, found: object) -> list[Edit]:
        edits = removal(document, found)
        lines = [edit for edit in edits if edit.text == b""]
        for edit in lines[-1:]:
            raw = document.raw  # type: ignore[attr-defined]
            edits.remove(edit)
            edits.append(Edit(edit.start, raw.index(b"\n", edit.end) + 1, b""))
        return edits

    removal = withdrawal.removal
    monkeypatch.setattr(withdrawal, "removal", greedy)
    assert lifecycle.main(["25", "--seed", "8"]) == 1
    assert "lines of the user are lost" in capsys.readouterr().out
