"""The code around a block that is put into one element of a result."""

from __future__ import annotations

import pytest

from stitchgen.analysis.steps import Element
from stitchgen.rewrite.insertion import exchanged, with_rest


@pytest.mark.parametrize(
    ("number", "length", "items"),
    [
        (0, 1, ["B"]),
        (0, 2, ["B", "o[1]"]),
        (0, 3, ["B", "*o[1:]"]),
        (1, 2, ["o[0]", "B"]),
        (2, 3, ["*o[:2]", "B"]),
        (2, 5, ["*o[:2]", "B", "*o[3:]"]),
    ],
)
def test_the_other_elements_stay(number: int, length: int, items: list[str]) -> None:
    element = Element(str(number), "tuple", length, str(number))
    assert with_rest("o", element, "B") == items
    values = list("abcde"[:length])
    changed = eval(f"[{', '.join(items)}]", {"o": values, "B": "B"})
    assert changed == [*values[:number], "B", *values[number + 1 :]]


@pytest.mark.parametrize(
    ("kind", "key", "text", "value"),
    [
        ("tuple", "0", "0", ("a",)),
        ("tuple", "1", "1", ("a", "b", "c")),
        ("list", "2", "2", ["a", "b", "c"]),
        ("dict", "out", "'out'", {"aux": "a", "out": "b"}),
        ("dict", "0", "0", {0: "a", 1: None}),
    ],
)
def test_a_hook_gives_the_result_with_the_element_exchanged(kind, key, text, value) -> None:
    element = Element(key, kind, len(value), text)
    got = eval(exchanged("o", element, "B"), {"o": value, "B": "B"})
    wanted = value if isinstance(value, dict) else dict(enumerate(value))
    wanted = {**wanted, eval(text): "B"}
    assert got == (wanted if kind == "dict" else type(value)(wanted.values()))
