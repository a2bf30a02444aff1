"""What a source file says around a place."""

from __future__ import annotations

import ast
import textwrap

import pytest

from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax

EXCLUSIVE = {
    "if and else": """
        if deep:
            x = one(x)
        else:
            x = two(x)
    """,
    "an expression's branches": """
        x = one(x) if deep else two(x)
    """,
    "behind a branch that returns": """
        if deep:
            return one(x)
        x = two(x)
    """,
    "behind an else that raises": """
        if deep:
            x = -x
        else:
            raise ValueError(one(x))
        x = two(x)
    """,
    "both in one branch, the first of which returns": """
        if deep:
            if wide:
                return one(x)
            x = two(x)
    """,
    "behind a loop whose branch returns": """
        for _ in range(3):
            if deep:
                return one(x)
        x = two(x)
    """,
}
BOTH = {
    "one after the other": """
        x = one(x)
        x = two(x)
    """,
    "in the condition": """
        if one(x):
            x = two(x)
    """,
    "before a branch that returns": """
        x = two(x)
        if deep:
            return one(x)
    """,
    "behind a branch that goes on": """
        if deep:
            x = one(x)
        x = two(x)
    """,
    "in the next round": """
        for _ in range(3):
            if deep:
                return one(x)
            x = two(x)
    """,
    "at last": """
        try:
            if deep:
                return one(x)
        finally:
            x = two(x)
    """,
    "out of an inner function": """
        def inner(x):
            if deep:
                return one(x)
        x = two(inner(x))
    """,
}


def exclude_each_other(body: str) -> bool:
    text = "def forward(x, deep, wide):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    syntax = Syntax(Document(text.encode(), "model.py"))
    spans = {
        call.func.id: span for span, call in syntax.calls.items() if isinstance(call.func, ast.Name)
    }
    found = {syntax.exclusive(spans["one"], spans["two"])}
    found.add(syntax.exclusive(spans["two"], spans["one"]))
    assert len(found) == 1, "it depends on which is asked first"
    return found.pop()


@pytest.mark.parametrize("body", EXCLUSIVE.values(), ids=EXCLUSIVE)
def test_calls_that_exclude_each_other(body: str) -> None:
    assert exclude_each_other(body)


@pytest.mark.parametrize("body", BOTH.values(), ids=BOTH)
def test_calls_that_one_run_may_both_make(body: str) -> None:
    assert not exclude_each_other(body)
