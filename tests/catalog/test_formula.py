"""Formulas of a head: arithmetic and nothing else."""

from __future__ import annotations

import pytest

from stitchgen.catalog import formula


def test_formulas_know_arithmetic_and_nothing_else():
    values = {"n": 9, "kernel_size": 3, "stride": 2, "widths": (4, 8)}
    assert formula.evaluate("(n + 2 - kernel_size) // stride + 1", values) == 5
    assert formula.evaluate("sum(widths) + widths[1] * -1 + max(n, 2) % 4", values) == 5
    for text in (
        "().__class__",
        "open('x')",
        "[x for x in widths]",
        "n.real",
        "2 ** n",
        "n if n else 1",
        "'a' * 999999999",
        "widths * 999999999",
    ):
        with pytest.raises((ValueError, SyntaxError)):
            formula.evaluate(text, values)
    with pytest.raises(KeyError):
        formula.evaluate("missing", values)
