"""Random programs: what CPython computes as the channels of a layer, the reader says, or nothing.

`python benchmarks/reader_campaign.py` runs as many as there is time for.
"""

from __future__ import annotations

import random
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from reader_programs import HEAD, Comparison, compare, reduced, write_program  # noqa: E402

warnings.simplefilter("ignore", SyntaxWarning)


def is_wrong(text: str) -> bool:
    return bool(compare(text).wrong)


def checked(text: str) -> Comparison:
    """What the reader makes of a program; fails with the smallest one that is read wrong."""
    found = compare(text)
    if found.wrong:
        short = reduced(text, is_wrong)
        pytest.fail(f"{compare(short).wrong[0]}\n\n{short}", pytrace=False)
    return found


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_reading_is_what_cpython_computes(choices: random.Random) -> None:
    checked(write_program(choices))


@pytest.mark.parametrize("first", [0, 100])
def test_reading_is_what_cpython_computes_of_fixed_programs(first: int) -> None:
    """The same on programs that do not change; most of them are read."""
    equal = unknown = raises = 0
    for seed in range(first, first + 100):
        found = checked(write_program(random.Random(seed)))
        equal, unknown = equal + found.equal, unknown + found.unknown
        raises += found.raises
    assert equal > unknown  # a reader that says nothing is never wrong
    assert raises < 50


def test_the_comparison_finds_a_wrong_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge is tried on a reader that is wrong: it takes a set for a list."""
    from stitchgen.analysis.static import heap

    text = HEAD + (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        unused = 3\n        self.m1 = nn.Conv2d(3, len({4, 4}), 1)\n"
        "    def forward(self, x):\n        return x\n"
    )
    assert compare(text).equal == 1
    monkeypatch.setattr(heap, "_distinct", lambda items: items)
    assert compare(text).wrong == ["m1 of Net() has 1 channels, not 2"]
    assert "unused" not in reduced(text, is_wrong)
