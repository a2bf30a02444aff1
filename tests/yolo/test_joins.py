"""Rows that join a block with another row, or take its place: proven, computed by hand, taken back."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from stitchgen.errors import StitchError
from stitchgen.history import check, undo
from stitchgen.observer.rows.proof import prove_rows
from stitchgen.pipeline import splice
from stitchgen.project import config
from stitchgen.source.yaml_edits import Insertion, New, edited, insert_rows, readers_of
from stitchgen.source.yaml_rows import read_model
from stitchgen.targets.placement import BESIDE
from stitchgen.targets.request import AddRequest
from stitchgen.yolo.plan import check_options
from tests.support.commands import request_of
from tests.support.spliced import tree
from tests.yolo.test_proof import MODEL, request


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        ("se --beside model.yaml::model.2 --fuse add", True),
        ("se --beside model.yaml::model.1 --no-prove --fuse concat", None),
        ("se --beside model.yaml::model.2", True),
        ("attention-gate --after model.yaml::model.0 --with model.1 --into model.4", True),
        ("cbam --replace model.yaml::model.2 --set reduction=1", False),
    ],
)
def test_it_is_proven_and_taken_back(
    fork: config.Project, python: str, flags: str, kept: bool | None
) -> None:
    before = tree(fork.root)
    if kept is None:  # the block would be larger than what it is joined with
        with pytest.raises(Exception, match="stride"):
            splice.run(fork, request_of(flags, python))
        assert tree(fork.root) == before
        return
    result = splice.run(fork, request_of(flags, python)).result
    assert result["proof"]["build"] and result["proof"]["built"]
    assert bool(result["keys"]["lost"]) == (not kept)
    assert check.run(fork)["ok"]
    assert splice.run(fork, request_of(flags, python)).changes == []
    undo.run(fork)
    assert tree(fork.root) == before


def built(root: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model of the project as it is."""
    monkeypatch.syspath_prepend(str(root))
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("models", "stitched_blocks"):
            monkeypatch.delitem(sys.modules, name)
    text = (root / "model.yaml").read_text()
    return importlib.import_module("models.yolo").DetectionModel(yaml.safe_load(text)).eval()


def test_the_sum_is_that_of_both(fork: config.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    splice.run(
        fork, request_of("se --beside model.yaml::model.2 --fuse add --no-prove", "no-python")
    )
    model = built(fork.root, monkeypatch)
    gave: dict[int, torch.Tensor] = {}
    for number, layer in enumerate(model.model):
        layer.register_forward_hook(lambda m, i, out, number=number: gave.update({number: out}))
    model(torch.rand(1, 3, 64, 64))
    assert type(model.model[2]).__name__ == "SE" and type(model.model[4]).__name__ == "FusedAdd"
    assert torch.equal(gave[4], gave[3] + gave[2])
    assert torch.equal(gave[2], model.model[2](gave[1]))


def test_a_replaced_row_comes_back_where_others_were_edited(fork: config.Project) -> None:
    file = fork.root / "model.yaml"
    before = file.read_text()
    splice.run(fork, request_of("cbam --replace model.yaml::model.2 --no-prove", "no-python"))
    file.write_text(file.read_text().replace("# 5", "# five"))
    undo.run(fork)
    assert file.read_text() == before.replace("# 5", "# five")


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ([], True),
        ([("[[-1, 2], 1, Concat", "[[2, -1], 1, Concat")], False),
        ([("[[-1, 2], 1, Concat", "[[-1, 1], 1, Concat")], False),
        ([("[2, 3, Conv", "[-1, 3, Conv"), ("[1, 3, Conv", "[-1, 3, Conv")], False),
    ],
)
def test_a_wrong_join_fails(changes: list[tuple[str, str]], right: bool) -> None:
    """The block beside row 2, joined by the modules that every parse_model has."""
    model = read_model(MODEL, "model.yaml")
    rows = [
        Insertion(1, frozenset(), "Counted", "c2"),
        Insertion(2, frozenset(), "Concat", "1", reads=(2, New(0))),
        Insertion(2, readers_of(model, 2), "Conv", "64, 1", reads=(New(1),)),
    ]
    after = edited(model, insert_rows(model, rows)).document.text
    for old, new in changes:
        after = after.replace(old, new)
    asked = request(model, rows, after, "Counted")
    asked["rows"][0]["readers"] = [4]
    asked["rows"][1]["readers"] = [5]
    answer = prove_rows(asked)
    assert (answer["error"] is None) == right, answer["error"]


def test_a_replacement_moves_no_layer(fork: config.Project) -> None:
    def moved(flags: str) -> list[str]:
        outcome = splice.run(fork, request_of(f"{flags} --no-prove", "no-python"), mode="dry-run")
        return [one["where"] for one in outcome.result["warnings"] if one["code"] == "moved-layers"]

    assert moved("cbam --replace model.yaml::model.2") == []
    assert moved("se --beside model.yaml::model.2 --fuse add") == ["model.yaml:8"]


def test_a_placement_that_is_not_written_as_rows_is_refused():
    """And not taken for the one of the four that is most like it."""
    request = AddRequest("se", replace(BESIDE, name="across"), ("model.yaml::model.2",))
    with pytest.raises(StitchError, match="--across is not for rows") as refused:
        check_options(request)
    assert "--beside" in refused.value.hint
