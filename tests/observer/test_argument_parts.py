"""What is changed of an argument to see which expressions hold by accident."""

import types
from collections import namedtuple
from dataclasses import dataclass

import pytest

from stitchgen.observer.argument_parts import LONGER, NothingToLearn, changed, fields_read


class Net:
    def __init__(self, cfg, widths=(8, 16), options=None):
        self.cfg = cfg
        self.width = cfg.width * cfg.factor
        self.depth = options["depth"] if options else self.cfg.depth
        self.other = widths.index(8)


@dataclass(frozen=True)
class Frozen:
    width: int = 8
    name: str = "a"


def doubled(value):
    return 2 * value


def test_the_fields_that_the_class_reads():
    assert fields_read(Net, "cfg") == ["width", "factor", "depth"]
    assert fields_read(Net, "options") == ["depth"]
    assert fields_read(int, "x") == []


@pytest.mark.parametrize(
    ("part", "value", "wanted"),
    [
        (None, 8, 16),
        (1, [8, 16], [8, 32]),
        (LONGER, (8, 16), (8, 16, 32)),
        ("width", {"width": 8, "name": "a"}, {"width": 16, "name": "a"}),
        ("width", Frozen(), Frozen(16)),
        ("width", types.SimpleNamespace(width=8, k=1), types.SimpleNamespace(width=16, k=1)),
    ],
)
def test_a_copy_with_one_number_changed(part, value, wanted):
    before = repr(value)
    assert changed(part, doubled)(value) == wanted
    assert repr(value) == before


Sizes = namedtuple("Sizes", "width")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        (None, "a"),
        (None, True),
        (2, [8, 16]),
        (0, ["a", "b"]),
        ("width", Frozen),
        ("name", Frozen()),
        ("width", {"name": "a"}),
        ("width", Sizes(8)),
        ("width", None),
    ],
)
def test_what_is_no_number_says_nothing(part, value):
    if value is Frozen:
        part = "other"
    with pytest.raises(NothingToLearn):
        changed(part, doubled)(value)
