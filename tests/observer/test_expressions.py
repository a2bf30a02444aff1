"""Candidates for a channel count, tried with other arguments of the constructor."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from stitchgen.observer import expressions  # noqa: E402

ran: list[str] = []


class Noted(nn.Conv2d):
    def forward(self, x: Any) -> Any:
        ran.append(f"{self.in_channels}-{self.out_channels}")
        return super().forward(x)


class Net(nn.Module):
    def __init__(self, width: int = 8, groups: int = 1, scale: float = 1.0) -> None:
        super().__init__()
        self.stem = Noted(3, width, 1)
        __stitchgen_probe__("0", locals())  # type: ignore[name-defined]  # noqa: F821
        self.body = Noted(width, width, 1, groups=groups)
        self.head = Noted(width, 2 * width, 1)

    def forward(self, x: Any) -> Any:
        return self.head(self.body(self.body(self.stem(x))))


class World:
    """Stands for a project: a module of the user's with one class."""

    def load(self) -> dict[str, Any]:
        return globals()

    def evaluate(self, expression: str) -> Any:
        return eval(expression, globals())


def evaluated(targets: dict[str, int], *candidates: str, wanted: int = 8) -> list[dict[str, Any]]:
    ran.clear()
    request = {
        "builds": ["Net()"],
        "inputs": ["1x3x8x8"],
        "candidates": {"0": list(candidates)},
        "wanted": {"0": wanted},
        "trials": [{"build": "Net()", "class_name": "Net", "targets": targets}],
    }
    answer = expressions.evaluate(World(), request)
    [build] = answer["builds"]
    assert build["ok"]
    return answer["trials"]


def test_an_argument_is_changed_and_the_target_measured() -> None:
    trials = evaluated({"stem": 1}, "width", "self.stem.out_channels", "groups * 8")
    assert [trial["argument"] for trial in trials] == ["width", "groups"]
    [passage] = trials[0]["passages"]
    assert passage["values"] == {"width": 16, "self.stem.out_channels": 16, "groups * 8": 8}
    assert [seen["shape"] for seen in trials[0]["shapes"]["stem"]["output"]] == [[1, 16, 8, 8]]


def test_the_run_ends_with_the_last_target() -> None:
    evaluated({"stem": 1}, "width")
    assert ran == ["3-16"]
    [trial] = evaluated({"body": 2}, "width")
    assert ran == ["3-16", "16-16", "16-16"]
    assert len(trial["shapes"]["body"]["input"]) == 2


def test_an_argument_that_no_candidate_depends_on_is_not_run() -> None:
    assert evaluated({"stem": 1}, "8 * groups") != []
    assert ran == ["3-8"]
    assert evaluated({"stem": 1}, "4 + 4") == []
    assert ran == []


def test_where_no_candidate_stands_for_the_count_every_argument_is_run() -> None:
    """A number written out would be right for one width alone, and that has to be said."""
    trials = evaluated({"stem": 1}, "4 + 4", wanted=16)
    assert [trial["argument"] for trial in trials] == ["width", "groups", "scale"]
    assert evaluated({"stem": 1}) != []


def test_a_class_that_the_configuration_does_not_make_ends_the_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[str] = []
    monkeypatch.setattr(World, "evaluate", lambda self, text: built.append(text) or nn.Identity())
    assert evaluated({"stem": 1}, "width") == []
    assert len(built) <= 4  # as it is, with one argument changed, and both once more on the CPU


def test_a_model_cannot_catch_the_end_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(self: Net, x: Any) -> Any:
        try:
            return self.head(self.stem(x))
        except Exception:
            return x

    monkeypatch.setattr(Net, "forward", forward)
    [trial] = evaluated({"stem": 1}, "width")
    assert ran == ["3-16"]
    assert trial["shapes"]["stem"]["output"]
