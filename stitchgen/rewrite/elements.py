"""A Sequential's elements as the source writes them, and a further one put between them.

    nn.Sequential(a, b)                                  arguments
    nn.Sequential(OrderedDict([("conv", a), ...]))       pairs, whose keys stay what they are
    layers = [a]; layers.append(b); nn.Sequential(*layers)

What a loop or a helper makes has no line of its own for each element.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from stitchgen.errors import StitchError
from stitchgen.source.document import Document, Span
from stitchgen.source.edits import Edit
from stitchgen.source.formatting import format_statements
from stitchgen.source.syntax import Function, Syntax


@dataclass(frozen=True)
class Written:
    """Where one element of a Sequential is written."""

    node: ast.expr  # the element
    among: tuple[ast.expr, ...]  # those beside it, in its own list or call, itself included
    statement: ast.stmt  # in which it stands
    name: str | None = None  # its key, where it has one of its own
    appended: str | None = None  # the list that the statement appends it to
    count: int | None = None  # of all elements, where it is known


class _Unwritten(Exception):
    """Why an element has no place of its own."""

    def __init__(self, reason: str, node: ast.AST):
        super().__init__(reason)
        self.reason, self.line = reason, getattr(node, "lineno", 0)


def written(syntax: Syntax, function: Function, attribute: str, indexes: Sequence[int]) -> Written:
    """The element of `self.attribute` at the indexes, one for each nested Sequential.

    Raises StitchError: unsupported, with the reason.
    """
    try:
        return find(function, attribute, indexes)
    except _Unwritten as error:
        where = f"{syntax.document.path}:{error.line or function.lineno}"
        raise StitchError(
            "unsupported",
            f"--inside puts a block among the elements of self.{attribute} as they are written, and {where} "
            f"{error.reason}",
            where=where,
            hint="Leave --inside out: the block then stands beside the Sequential, and old keys stay.",
        ) from error


def find(function: Function, attribute: str, indexes: Sequence[int]) -> Written:
    made = [
        node
        for node in ast.walk(function)
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if ast.unparse(target) == f"self.{attribute}"
    ]
    if len(made) != 1 or made[0].value is None or isinstance(made[0], ast.AugAssign):
        raise _Unwritten(f"assigns it {len(made)} times", made[1] if made[1:] else function)
    [statement] = made
    assert statement.value is not None
    node: ast.expr = statement.value
    found: Written | None = None
    for depth, index in enumerate(indexes):
        found = element(function, statement, node, index)
        if depth < len(indexes) - 1 and found.statement is not statement:
            raise _Unwritten("makes the one inside of it elsewhere", found.statement)
        node = found.node
    assert found is not None
    return found


def element(function: Function, statement: ast.stmt, node: ast.expr, index: int) -> Written:
    """The element of a Sequential's construction at an index."""
    if not (isinstance(node, ast.Call) and called(node) == "Sequential" and not node.keywords):
        raise _Unwritten(f"makes it by {ast.unparse(getattr(node, 'func', node))[:60]}", node)
    arguments = node.args
    match arguments:
        case [ast.Call(args=[ast.List(elts=pairs)], keywords=[]) as dictionary] if (
            called(dictionary) == "OrderedDict"
        ):
            return pair(statement, dictionary, pairs, index)
        case [ast.Call() as dictionary] if called(dictionary) == "OrderedDict":
            raise _Unwritten("does not write its pairs out in a list", dictionary)
        case [ast.Starred(value=ast.Name(id=name))]:
            return of_list(function, statement, name, index)
    before = arguments[: index + 1]
    if any(isinstance(one, ast.Starred) for one in before) or index >= len(arguments):
        raise _Unwritten("unpacks what a loop or a helper makes", node)
    count = None if any(isinstance(one, ast.Starred) for one in arguments) else len(arguments)
    return Written(arguments[index], tuple(arguments), statement, count=count)


def called(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def pair(
    statement: ast.stmt, dictionary: ast.Call, pairs: Sequence[ast.expr], index: int
) -> Written:
    """`("conv", nn.Conv2d(...))` of an OrderedDict."""
    match pairs[index] if index < len(pairs) else None:
        case ast.Tuple(elts=[ast.Constant(value=str(name)), _]) as node:
            return Written(node, tuple(pairs), statement, name=name, count=len(pairs))
    raise _Unwritten("does not write the pair out", dictionary)


def of_list(function: Function, statement: ast.stmt, name: str, index: int) -> Written:
    """An element of a list that is filled, statement by statement, beside the Sequential."""
    body = next(
        (
            suite
            for node in ast.walk(function)
            for suite in (getattr(node, "body", None), getattr(node, "orelse", None))
            if isinstance(suite, list) and statement in suite
        ),
        [],
    )
    before = body[: body.index(statement)] if statement in body else []
    filled: list[tuple[ast.expr, tuple[ast.expr, ...], ast.stmt, str | None]] = []
    known = False
    for one in before:
        match one:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.List(elts=elements)) if (
                target == name
            ):
                known, filled = True, [(item, tuple(elements), one, None) for item in elements]
            case ast.AugAssign(
                target=ast.Name(id=target), op=ast.Add(), value=ast.List(elts=elements)
            ) if (target == name):
                filled += [(item, tuple(elements), one, None) for item in elements]
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=target), attr="append"), args=[item]
                )
            ) if (target == name):
                filled.append((item, (item,), one, name))
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=target), attr="extend"),
                    args=[ast.List(elts=elements)],
                )
            ) if (
                target == name
            ):
                filled += [(item, tuple(elements), one, None) for item in elements]
            case _ if mentions(one, name):
                if len(filled) > index and known:
                    break
                what = "fills its list in a loop or a branch"
                raise _Unwritten(
                    what if isinstance(one, (ast.For, ast.If)) else "changes its list", one
                )
    else:
        if known and len(filled) > index:
            node, among, place, appended = filled[index]
            check_no_star(filled[: index + 1])
            return Written(node, among, place, appended=appended, count=count_of(filled))
        raise _Unwritten("unpacks a list that is made elsewhere", statement)
    node, among, place, appended = filled[index]
    check_no_star(filled[: index + 1])
    return Written(node, among, place, appended=appended)


def check_no_star(
    filled: Sequence[tuple[ast.expr, tuple[ast.expr, ...], ast.stmt, str | None]],
) -> None:
    for node, *_ in filled:
        if isinstance(node, ast.Starred):
            raise _Unwritten("unpacks what a loop or a helper makes", node)


def count_of(
    filled: Sequence[tuple[ast.expr, tuple[ast.expr, ...], ast.stmt, str | None]],
) -> int | None:
    return None if any(isinstance(node, ast.Starred) for node, *_ in filled) else len(filled)


def mentions(node: ast.AST, name: str) -> bool:
    return any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(node))


# -- the edit ------------------------------------------------------------------------------------


def inserted(
    syntax: Syntax, place: Written, text: str, *, before: bool, line_length: int
) -> list[Edit]:
    """Put an element beside another one; `text` is its construction, or the pair of an OrderedDict."""
    document = syntax.document
    span = document.span_of(place.node)
    if place.appended is not None:
        statement = document.span_of(place.statement)
        line = f"{place.appended}.append({text})"
        indent = len(document.indent_of(statement).expandtabs(4))
        code = format_statements(line, indent, line_length, document.quote)
        if before:
            return [document.lines_before(statement, code)]
        return [document.lines_after(statement, code)]
    number = place.among.index(place.node)
    own_lines = stands_on_own_lines(document, place.among)
    if own_lines:
        return on_own_line(document, place, text, number, before=before)
    edit = (
        document.insert(span[0], f"{text}, ") if before else document.insert(span[1], f", {text}")
    )
    return [within_line(document, place, edit, line_length)]


def stands_on_own_lines(document: Document, among: Sequence[ast.expr]) -> bool:
    """Whether each element begins its line."""
    return all(document.indent_of(document.span_of(node)) for node in among)


def on_own_line(
    document: Document, place: Written, text: str, number: int, *, before: bool
) -> list[Edit]:
    """A line of its own for the element; comments stay with what they are behind or above."""
    span = document.span_of(place.node)
    indent = document.indent_of(span)
    if before:
        return [document.insert(span[0], f"{text},\n{indent}")]
    end = document.span_of(place.among[number])[1]
    rest = document.text_of_line(end)
    rest = rest[
        len(rest) - len(document.utf8[end:].decode("utf-8").split("\n", 1)[0].rstrip("\r")) :
    ]
    line_end = end + len(rest.encode("utf-8"))
    last = number == len(place.among) - 1
    if not last or "," in rest.split("#")[0]:
        return [document.insert(line_end, f"\n{indent}{text},")]
    if rest.strip() and not rest.strip().startswith("#"):  # the bracket closes on the same line
        return [document.insert(end, f",\n{indent}{text}")]
    comma = document.insert(end, ",")
    if line_end == end:
        return [document.insert(end, f",\n{indent}{text}")]
    return [comma, document.insert(line_end, f"\n{indent}{text}")]


def within_line(document: Document, place: Written, edit: Edit, line_length: int) -> Edit:
    """The edit, or the whole statement formatted anew where its one line becomes too long."""
    start, end = document.span_of(place.statement)
    line = document.text_of_line(start)
    width = len(line.expandtabs(4)) + len(edit.text.decode(document.encoding, "replace"))
    old = document.code((start, end))
    if width <= line_length or "\n" in old or not document.own_line((start, end)):
        return edit
    at = edit.start - document.to_raw(start)
    raw = document.raw[document.to_raw(start) : document.to_raw(end)]
    statement = (raw[:at] + edit.text + raw[at:]).decode(document.encoding)
    indent = document.indent_of((start, end))
    code = format_statements(statement, len(indent.expandtabs(4)), line_length, document.quote)
    return document.replace((start, end), document.indented(code, indent).strip())


# -- who counts the elements ---------------------------------------------------------------------


@dataclass(frozen=True)
class Moved:
    """Where the elements of a Sequential go: from `index` on by one; `length` before, if it is known."""

    attribute: str  # the last name of the Sequential: `features`
    index: int  # of the new element
    length: int | None
    boundary: int  # the first old boundary between elements that lies behind the new one
    keys: bool = True  # whether the elements are called by their numbers

    def element(self, number: int) -> int | None:
        """The new number of an element; None where it depends on a length that is not known."""
        if number >= 0:
            return number + (number >= self.index)
        if self.length is None:
            return None
        return self.element(self.length + number)

    def bound(self, number: int) -> int | None:
        """The same of a slice's bound."""
        if number >= 0:
            return number + (number >= self.boundary)
        if self.length is None:
            return None
        return max(0, self.length + number) + (self.length + number >= self.boundary)


def shifted(syntax: Syntax, moved: Moved, *, own: bool) -> list[Edit]:
    """The edits that renumber what reads the elements by number in a file.

    `own`: it is the file of the class. Another file may mean another model's attribute of that name, and is
    refused, as is whatever is not a number that is written out.
    """
    edits: list[Edit] = []
    document = syntax.document
    for node in ast.walk(syntax.tree):
        match node:
            case ast.Subscript(value=ast.Attribute(attr=attr), slice=index) if (
                attr == moved.attribute
            ):
                if not own:
                    raise counted(document, node, "reads its elements by number")
                edits += renumbered(document, node, index, moved)
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Attribute(attr=attr), *_]) if (
                attr == moved.attribute
            ):
                raise counted(document, node, "reads its elements by name")
            case ast.Call(func=ast.Name(id="enumerate"), args=[ast.Attribute(attr=attr), *_]) if (
                attr == moved.attribute
            ):
                raise counted(document, node, "counts its elements")
            case ast.Attribute(
                value=ast.Attribute(attr=attr),
                attr="_modules" | "children" | "named_children" | "get_submodule" | "insert",
            ) if (
                attr == moved.attribute
            ):
                raise counted(document, node, "takes its elements out by themselves")
            case ast.Constant(value=str(text)) if names_element(text, moved):
                raise counted(document, node, f"names an element, {text!r:.40}")
    return edits


def names_element(text: str, moved: Moved) -> bool:
    """Whether a text is, or begins with, the path of an element that moves."""
    if not moved.keys or len(text) > 200 or "\n" in text:
        return False
    parts = text.split(".")
    return any(
        name == moved.attribute and number.isdigit() and int(number) >= moved.index
        for name, number in pairwise(parts)
    )


def renumbered(
    document: Document, node: ast.Subscript, index: ast.expr, moved: Moved
) -> list[Edit]:
    """The edit of one subscript, as a whole: by the Sequential's name it is found again, when others have
    edited the file, and not by a number alone."""

    def change(part: ast.expr | None, new_of: Callable[[int], int | None]) -> None:
        if part is None:
            return
        number = whole_number(part)
        new = new_of(number) if number is not None else None
        if number is None or new is None:
            raise counted(document, node, "reads its elements by a number that is not written out")
        if new != number and not (number < 0 and stays(number, new, moved)):
            changes.append((document.span_of(part), str(new)))

    changes: list[tuple[Span, str]] = []
    if isinstance(index, ast.Slice):
        if index.step is not None:
            raise counted(document, node, "takes its elements in steps")
        change(index.lower, moved.bound)
        change(index.upper, moved.bound)
    else:
        change(index, moved.element)
    if not changes:
        return []
    start, end = document.span_of(node)
    text, at = "", start
    for span, new in changes:
        text += document.code((at, span[0])) + new
        at = span[1]
    return [document.replace((start, end), text + document.code((at, end)))]


def stays(number: int, new: int, moved: Moved) -> bool:
    """Whether a number that counts from the end means the same element of the longer Sequential."""
    return moved.length is not None and moved.length + 1 + number == new


def whole_number(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
            return -value
    return None


def counted(document: Document, node: ast.AST, what: str) -> StitchError:
    where = f"{document.path}:{getattr(node, 'lineno', 1)}"
    return StitchError(
        "unsupported",
        f"--inside moves the elements behind the block, and {where} {what}",
        where=where,
        hint="Leave --inside out: the block then stands beside the Sequential, and no number changes.",
    )
