"""Rows put into a model's YAML anywhere: what the other rows mean stays, and so does every other byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stitchgen.errors import StitchError
from stitchgen.source.edits import apply, inverse
from stitchgen.source.yaml_edits import (
    Insertion,
    check_graph,
    edited,
    insert_rows,
    readers_of,
    remove_rows,
)
from stitchgen.source.yaml_rows import IMAGE, ModelYaml, graph_of, read_model

BLOCK = """\
# A model.
nc: 80 # classes
backbone:
  # [from, repeats, module, args]
  - [-1, 1, Conv, [64, 3, 2]] # 0-P1/2
  - [-1, 3, C2f, [128, True]]

  - [-2, 1, Conv, [256, 3, 2]]  # X3 (2), and more
head:
  - [[-1, 1], 1, Concat, [1]] # 3 é
  - [[0, -2, 3], 1, Detect, [nc]] # Detect(P3)
"""
FLOW = """\
backbone:
  [[-1, 1, Conv, [64, 6, 2, 2]],  # 0-P1/2
   [-2, 1, Conv, [128, 3, 2]], [-1, 1, MP, []],

   [-1, 1, SPPF, [1024, 5]]]  # 3
head: [
    [0, 1, Conv, [8]], # 4
    [[-1, 1], 1, Concat, [1]]
    ,
    [[2, 5], 1, Detect, [nc, anchors]] # 6
  ]
""".replace("[-2, 1, Conv, [128", "[-1, 1, Conv, [128")


def model_of(text: str) -> ModelYaml:
    return read_model(text.encode(), "m.yaml")


def row_behind(model: ModelYaml, source: int, args: str = "c2") -> Insertion:
    return Insertion(source, readers_of(model, source), "CBAM", args)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("text", [BLOCK, FLOW], ids=["block", "flow"])
def test_a_row_goes_behind_any_other_and_comes_out_again(text: str, newline: str) -> None:
    raw = b"\xef\xbb\xbf" + text.replace("\n", newline).encode()
    model = read_model(raw, "m.yaml")
    for source in range(IMAGE, len(model.rows) - 1):
        insertion = row_behind(model, source)
        edits = insert_rows(model, [insertion])
        after = edited(model, edits)
        check_graph(model, [insertion], after)
        assert apply(after.document.raw, inverse(raw, edits)) == raw
        removed = edited(after, remove_rows(after, [after.rows[source + 1]]))
        assert graph_of(removed.rows) == graph_of(model.rows)
        assert after.document.raw.count(b"\r\n") in (0, after.document.raw.count(b"\n"))


def test_the_text_beside_the_row_stays() -> None:
    model = model_of(BLOCK)
    after = edited(model, insert_rows(model, [row_behind(model, 0)]))
    assert after.document.text.splitlines() == [
        "# A model.",
        "nc: 80 # classes",
        "backbone:",
        "  # [from, repeats, module, args]",
        "  - [-1, 1, Conv, [64, 3, 2]] # 0-P1/2",
        "  - [-1, 1, CBAM, [c2]] # 1",
        "  - [-1, 3, C2f, [128, True]]",
        "",
        "  - [-2, 1, Conv, [256, 3, 2]]  # X3 (3), and more",
        "head:",
        "  - [[-1, 2], 1, Concat, [1]] # 4 é",
        "  - [[1, -2, 4], 1, Detect, [nc]] # Detect(P3)",
    ]


def test_one_reader_alone_gets_the_new_row() -> None:
    model = model_of(BLOCK)
    insertion = Insertion(0, frozenset({(4, 0)}), "CBAM", "c2")
    after = edited(model, insert_rows(model, [insertion]))
    check_graph(model, [insertion], after)
    # What was the row directly before is so no longer, and named by its number.
    assert [row.reads for row in after.rows] == [(-1,), (0,), (0,), (0,), (3, 2), (1, 3, 4)]
    assert "- [0, 3, C2f" in after.document.text and "- [-3, 1, Conv" in after.document.text


@st.composite
def models(draw: st.DrawFn) -> str:
    """A model of a few rows, in either style, with comments and references of every kind."""
    count = draw(st.integers(2, 9))
    flow = draw(st.booleans())
    head_at = draw(st.integers(1, count - 1))
    lines = ["backbone:" + (" [" if flow else "")]
    for index in range(count):
        if index == head_at:
            lines += ["  ]"] * flow + ["head:" + (" [" if flow else "")]
        absolute = st.integers(0, index - 1) if index else st.just(-1)
        back = st.integers(-index, -1) if index else st.just(-1)
        one = st.one_of(absolute, back, st.just(-1))
        reads = draw(st.one_of(one, st.lists(one, min_size=1, max_size=3)))
        row = f"[{reads}, {draw(st.integers(1, 3))}, {draw(st.sampled_from(['Conv', 'nn.ReLU']))}, []]"
        comment = draw(
            st.sampled_from(["", f" # {index}-P1", f"  # {index}", " # stage 1", " # x"])
        )
        row = f"  {row}," if flow and (index + 1 < count or draw(st.booleans())) else f"  {row}"
        lines.append((row if flow else row.replace("  [", "  - [", 1)) + comment)
        lines += [""] * draw(st.integers(0, 1))
    return "\n".join([*lines, *["  ]"] * flow]) + draw(st.sampled_from(["", "\n"]))


@settings(max_examples=60)
@given(models(), st.data())
def test_insertions_anywhere_leave_the_graph_of_the_old_rows(
    text: str, data: st.DataObject
) -> None:
    model = model_of(text)
    sources = st.integers(IMAGE, len(model.rows) - 2)
    chosen = data.draw(st.lists(sources, min_size=1, max_size=3, unique=True))
    insertions = [
        Insertion(
            source,
            # The image can be read by the first row alone, and then by the new one.
            (
                readers
                if source == IMAGE
                else frozenset(
                    data.draw(st.sets(st.sampled_from(sorted(readers)))) if readers else ()
                )
            ),
            "CBAM",
            "c2, 8",
        )
        for source in chosen
        for readers in [readers_of(model, source)]
    ]
    edits = insert_rows(model, insertions)
    after = edited(model, edits)
    check_graph(model, insertions, after)
    assert apply(after.document.raw, inverse(model.document.raw, edits)) == model.document.raw
    new = [row for row in after.rows if row.module == "CBAM"]
    after = edited(after, remove_rows(after, new))
    assert graph_of(after.rows) == graph_of(model.rows)


@pytest.mark.parametrize(
    ("text", "code", "line", "says"),
    [
        ("nc: 3\n", "not-a-model", 1, "no backbone and no head"),
        ("names: [a]\ntrain: x\n", "not-a-model", 1, "no backbone"),
        ("a:\n- [1, 2\n- [3]\n\nb: 2\n", "syntax-error", 2, "does not parse"),
        ("a: 1\na: 2\n", "syntax-error", 2, "the key a twice"),
        ("backbone:\n - [-1, 1, Conv]\nhead: []\n", "not-a-model", 2, "has 3 parts"),
        ("backbone:\n - Conv\nhead: []\n", "not-a-model", 2, "is no list"),
        ("backbone:\n - [x, 1, Conv, []]\nhead: []\n", "not-a-model", 2, "reads x"),
        ("backbone:\n - [-1, 0, Conv, []]\nhead: []\n", "not-a-model", 2, "repeated 0"),
        ("backbone:\n - [-1, 1, 7, []]\nhead: []\n", "not-a-model", 2, "7 for a module"),
        ("backbone:\n - [-1, 1, Conv, 64]\nhead: []\n", "not-a-model", 2, "64 for its arguments"),
        ("backbone:\n - [-1, 1, C, []]\nhead:\n - [4, 1, C, []]\n", "does-not-build", 4, "reads 4"),
        ("backbone:\n - [-1, 1, C, []]\n - [-2, 1, C, []]\nhead: []\n", "does-not-build", 3, "-2"),
        ("backbone:\n - [0, 1, C, []]\nhead: []\n", "does-not-build", 2, "reads 0"),
        ("backbone:\n - &a [-1, 1, C, []]\n - *a\nhead: []\n", "unsupported", 2, "&a"),
        ("backbone:\n - !!seq [-1, 1, C, []]\nhead: []\n", "unsupported", 2, "!!seq"),
        ("backbone: 3\nhead: []\n", "not-a-model", 1, "no list of rows"),
        ("a: !ruby x\n", "syntax-error", 1, "ruby"),
    ],
)
def test_what_is_no_model_is_refused_with_its_line(
    text: str, code: str, line: int, says: str
) -> None:
    with pytest.raises(StitchError) as refused:
        model_of(text)
    assert (refused.value.code, refused.value.where) == (code, f"m.yaml:{line}")
    assert says in refused.value.message
