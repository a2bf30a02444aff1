"""When two sources mean the same, and that the hash of it is the same everywhere."""

from __future__ import annotations

import pytest

from stitchgen.source.equivalence import meaning


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("x = 'a'", 'x = "a"', True),
        ("f(a,\n  b)", "f(a, b,)", True),
        ("def f():\n  '''A.\n\n    B.\n  '''\n", 'def f():\n        """A.\n\n        B."""', True),
        ("x = '''a\n b'''", "x = '''a\nb'''", False),
        ("x = 1", "x = 1.0", False),
        ("x = True", "x = 1", False),
    ],
)
def test_the_meaning_of_a_source(left: str, right: str, equal: bool) -> None:
    assert (meaning(left.encode()) == meaning(right.encode())) is equal


def test_the_meaning_is_the_same_hash_on_every_python() -> None:
    """A ledger is shared by people with different Pythons, whose syntax trees differ a little."""
    source = b"""
class A(a.B, metaclass=M):
    x: int = 3

    def f(self, x=None, *, y: "int" = -1, **k) -> None:
        return f'{x!r:>{y}} b' "c" if x else [i for i in x if i][1:2, ...]
"""
    known = "f2671107d8c9159bd4cdce0e0ae20790e69d8b49315c2a6d3ed7591392d1f778"
    assert meaning(source) == known
