"""composition.py: two plans in a row as one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stitchgen.source.composition import composed, in_turn
from stitchgen.source.edits import Edit, FileChange, apply


def edits_of(raw: bytes) -> st.SearchStrategy[list[Edit]]:
    """Edits that do not overlap, insertions at one place among them."""

    def made(cuts: list[int], texts: list[bytes], kinds: list[bool]) -> list[Edit]:
        found = []
        cuts = sorted(cuts)
        for number, (start, end) in enumerate(zip(cuts[::2], cuts[1::2])):
            end = end if kinds[number] else start
            if end > start or texts[number]:
                found.append(Edit(start, end, texts[number]))
        return found

    size = len(raw)
    return st.builds(
        made,
        st.lists(st.integers(0, size), min_size=6, max_size=6),
        st.lists(st.binary(max_size=3), min_size=3, max_size=3),
        st.lists(st.booleans(), min_size=3, max_size=3),
    )


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_is_the_one_after_the_other(data: st.DataObject) -> None:
    raw = b"0123456789"
    first = data.draw(edits_of(raw))
    between = apply(raw, first)
    second = data.draw(edits_of(between))
    assert apply(raw, composed(raw, first, second)) == apply(between, second)


def test_insertions_at_one_place_stay_two() -> None:
    raw = b"f(x)"
    first = [Edit(0, 0, b"g("), Edit(4, 4, b")")]
    second = [Edit(2, 2, b"h("), Edit(6, 6, b")")]
    assert apply(raw, composed(raw, first, second)) == b"g(h(f(x)))"
    assert len(composed(raw, first, second)) == 4


def test_a_file_of_the_first_plan_stays_new() -> None:
    first = [FileChange("a.py", None, b"a"), FileChange("m.py", b"m", b"nm", (Edit(0, 0, b"n"),))]
    second = [
        FileChange("b.py", None, b"b"),
        FileChange("m.py", b"nm", b"nmo", (Edit(2, 2, b"o"),)),
    ]
    found = in_turn(first, second)
    assert [(c.path, c.action, c.after) for c in found] == [
        ("a.py", "create", b"a"),
        ("b.py", "create", b"b"),
        ("m.py", "edit", b"nmo"),
    ]
