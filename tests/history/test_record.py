"""What is written down of an edit: how it reads in the syntax, and that it leads back."""

from __future__ import annotations

from stitchgen.history.record import describe
from stitchgen.source.edits import Edit, apply
from stitchgen.source.equivalence import HOLE
from tests.support.spliced import MODEL, Plan


def described(before: str, edits: list[Edit]) -> list[tuple[str, str, str, str]]:
    marks = describe("model.py", before.encode(), edits)
    return [(mark.kind, mark.scope, mark.now, mark.was) for mark in marks]


def test_statements_of_one_insertion_are_traces_of_their_own() -> None:
    text = "import a\n\nx = 1\n"
    inserted = b"from b import B\n# why\nfrom c import C; y = 2\n"
    assert described(text, [Edit(9, 9, inserted)]) == [
        ("statements", "", "from b import B", ""),
        ("statements", "", "from c import C", ""),
        ("statements", "", "y = 2", ""),
    ]
    marks = describe("model.py", text.encode(), [Edit(9, 9, inserted)])
    assert "".join(mark.pieces[0].text for mark in marks) == inserted.decode()


def test_a_wrap_is_an_expression_around_a_hole() -> None:
    text = "def f(self, x):\n    return self.a((x + 1)) * 2\n"
    start, end = text.index("self.a"), text.index(" * 2")
    edits = [Edit(start, start, b"self.b("), Edit(end, end, b")")]
    assert described(text, edits) == [("expression", "f", f"self.b({HOLE})", HOLE)]


def test_a_wrap_inside_of_parentheses_keeps_them() -> None:
    text = "y = (x + 1) * 2\n"
    edits = [Edit(4, 4, b"f("), Edit(11, 11, b")")]
    assert described(text, edits) == [("expression", "", f"f(({HOLE}))", f"({HOLE})")]


def test_two_wraps_around_one_expression() -> None:
    edits = [Edit(4, 4, b"f("), Edit(4, 4, b"g("), Edit(5, 5, b")"), Edit(5, 5, b")")]
    assert described("y = x\n", edits) == [
        ("expression", "", f"f({HOLE})", HOLE),
        ("expression", "", f"g({HOLE})", HOLE),
    ]


def test_an_argument_is_a_change_of_its_call() -> None:
    assert described("y = f(x)\n", [Edit(7, 7, b", 2")]) == [
        ("expression", "", f"{HOLE}(x, 2)", f"{HOLE}(x)")
    ]


def test_a_changed_header_is_a_change_of_its_statement() -> None:
    text = "def f(x):\n    return x\n"
    assert described(text, [Edit(7, 7, b", y=1")]) == [
        ("statements", "", text[:7] + ", y=1" + text[7:].rstrip(), text.rstrip())
    ]


def test_comments_alone_have_no_syntax() -> None:
    assert described("x = 1\n", [Edit(0, 0, b"# why\n")])[0][0] == "bytes"


def test_apply_of_all_pieces_backwards_is_the_former_file() -> None:
    plan = Plan(MODEL.encode()).wrap("self.conv1(x)", "self.conv1_cbam(", ")")
    plan.after("x = self.layer2(x)", "x = self.layer2_cbam(x)\n").replace("nn.ReLU()", "CBAM()")
    change = plan.change()
    marks = describe("model.py", change.before, change.edits)
    back = [
        Edit(piece.at, piece.at + len(piece.text), piece.replaced.encode())
        for mark in marks
        for piece in mark.pieces
    ]
    assert apply(change.after, back) == MODEL.encode()


def test_loop_whose_last_line_was_inserted_is_known_as_syntax() -> None:
    before = b"def f(self, x):\n    for a in self.b:\n        x = a(x)\n    return x\n"
    start, end = before.index(b"a in"), before.index(b":\n        x")
    line = before.index(b"    return")
    edits = [
        Edit(start, end, b"a, c in zip(self.b, self.d)"),
        Edit(line, line, b"        x = c(x)\n"),
    ]
    [trace] = describe("model.py", before, edits)
    assert (trace.kind, trace.now.split()[:4]) == ("statements", ["for", "a,", "c", "in"])
    assert trace.was.split("\n") == ["    for a in self.b:", "        x = a(x)"]
