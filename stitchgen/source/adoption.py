"""The text of an installed module as a file of a project: what has to differ, and no byte more.

Relative imports name the package; what registers models under names that the package has already is left
out, with the imports that only served it; a comment at the top says where the file comes from.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from stitchgen.errors import StitchError
from stitchgen.source.document import REST_OF_LINE, Document, Span
from stitchgen.source.edits import Edit, apply
from stitchgen.source.tree import DEFINITIONS, dotted, imported_names, nodes_in

#: Functions that enter what they are given into a table by its name. What marks an object for fx is none.
REGISTERS = re.compile(r"register(?!_notrace|_buffer|_parameter|_module_full|_forward|_full)\w*")
#: What a copy of the file has of its own, and what reads it means the original.
PLACES = ("__file__", "__package__", "__spec__", "__loader__")
RELATIVE = re.compile(r"from(\s*)((?:\.\s*)+)")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Adopted:
    """The content of the new file, and what it leaves out: `register_model` with how often."""

    content: bytes
    left_out: dict[str, int]


def adopted(document: Document, module: str, *, package: bool, header: Sequence[str]) -> Adopted:
    """The file as one of a project; `module` is its dotted name, `package` whether it is an `__init__.py`.

    Refuses a file that asks where it lies.
    """
    check_no_place(document)
    gone = [*registrations(document.tree)]
    edits = [edit for node, _ in gone for edit in without_lines(document, node)]
    edits += relative_imports(document, module, package=package)
    edits += unused_imports(document, [node for node, _ in gone])
    left_out: dict[str, int] = {}
    for _, name in gone:
        left_out[name] = left_out.get(name, 0) + 1
    lines = "".join(f"# {line}\n" for line in header) + "\n"
    edits.append(document.top_lines_after(None, lines))
    return Adopted(apply(document.raw, joined(edits)), left_out)


def joined(edits: Iterable[Edit]) -> list[Edit]:
    """The edits without those that lie in a span that is cut out anyway."""
    listed = list(dict.fromkeys(edits))
    cuts = [edit for edit in listed if not edit.text and edit.end > edit.start]
    return [
        edit
        for edit in listed
        if not any(
            cut is not edit and cut.start <= edit.start and edit.end <= cut.end and cut != edit
            for cut in cuts
            if edit.end > edit.start
        )
    ]


def public_names(tree: ast.Module) -> set[str]:
    """What the file itself binds at its top level, imports aside."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def check_no_place(document: Document) -> None:
    for node in nodes_in(document.tree):
        if isinstance(node, ast.Name) and node.id in PLACES and isinstance(node.ctx, ast.Load):
            raise StitchError(
                "unsupported",
                f"{document.path}:{node.lineno} reads {node.id}, which in a copy is that of another place",
                where=f"{document.path}:{node.lineno}",
                hint="Write a class of your own that inherits from the installed one, and put the block there.",
            )


# -- what is left out ----------------------------------------------------------------------------


def registrations(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Decorators and statements at the top level that register, with the name of what they call."""
    imported = {bound for node in tree.body for bound, _ in imported_names(node)}
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            for decorator in node.decorator_list:
                name = registering(decorator, imported)
                if name is not None:
                    yield decorator, name
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            name = registering(node.value, imported)
            if name is not None:
                yield node, name


def registering(node: ast.expr, imported: set[str]) -> str | None:
    """The name of an imported function that registers, where it is that which is called here."""
    names = dotted(node.func if isinstance(node, ast.Call) else node)
    if names is None or names[0] not in imported or not REGISTERS.fullmatch(names[-1]):
        return None
    return names[-1]


def without_lines(document: Document, node: ast.expr | ast.stmt) -> list[Edit]:
    """The edit that takes out the lines of a decorator or of a statement."""
    start, end = document.span_of(node)
    first = document.line_starts[document.line_of(start) - 1]
    rest = REST_OF_LINE.match(document.utf8[end:].decode("utf-8"))
    before = document.utf8[first:start].decode("utf-8").strip()
    if before not in ("", "@") or rest is None:
        line = document.line_of(start)
        raise StitchError(
            "unsupported",
            f"{document.path}:{line} shares its line with what is to be kept",
            where=f"{document.path}:{line}",
        )
    end += len(rest.group().encode("utf-8"))
    if isinstance(node, ast.stmt):
        # The blank lines that set it off go as well, but for one's worth.
        blank = re.match(r"(?:[ \t\f]*(?:\r\n|\r|\n))*", document.utf8[end:].decode("utf-8"))
        end += len(blank.group().encode("utf-8")) if blank else 0
    return [Edit(document.to_raw(first), document.to_raw(end), b"")]


def unused_imports(document: Document, gone: Sequence[ast.AST]) -> list[Edit]:
    """The edits that take out the imported names that nothing reads any more."""
    taken = {id(part) for node in gone for part in nodes_in(node)}
    used_there = {part.id for node in gone for part in nodes_in(node) if isinstance(part, ast.Name)}
    used = {
        node.id
        for node in nodes_in(document.tree)
        if isinstance(node, ast.Name) and id(node) not in taken
    }
    exported = {
        node.value
        for node in nodes_in(document.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    unused = used_there - used - exported
    edits: list[Edit] = []
    for statement in document.tree.body:
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue
        bound = [alias.asname or alias.name.partition(".")[0] for alias in statement.names]
        going = {number for number, name in enumerate(bound) if name in unused}
        if len(going) == len(bound):
            edits += without_lines(document, statement)
        elif going:
            edits += without_names(document, statement, going)
    return edits


def without_names(
    document: Document, statement: ast.Import | ast.ImportFrom, going: set[int]
) -> list[Edit]:
    """The edits that take some names out of an import."""
    spans = [document.span_of(alias) for alias in statement.names]
    last_kept = max(number for number in range(len(spans)) if number not in going)
    cuts: list[Span] = []
    for number in sorted(going):
        if number < last_kept:
            start, end = spans[number][0], spans[number + 1][0]
            if cuts and cuts[-1][1] == start:
                start = cuts.pop()[0]
            cuts.append((start, end))
    if last_kept < len(spans) - 1:
        cuts.append((spans[last_kept][1], spans[-1][1]))
    return [document.replace(cut, "") for cut in cuts]


# -- imports -------------------------------------------------------------------------------------


def relative_imports(document: Document, module: str, *, package: bool) -> list[Edit]:
    """The edits that name the package in each relative import."""
    edits = []
    for node in nodes_in(document.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            names = module.split(".")
            # `.` in a module is its package, in a package that itself.
            above = names[: len(names) - node.level + (1 if package else 0)]
            start, end = document.span_of(node)
            code = document.code((start, end))
            match = RELATIVE.match(code)
            assert match is not None and above, code
            text = ".".join(above) + ("." if node.module else "")
            dots = match.group(2)
            lead = "" if match.group(1) else " "
            kept = dots[len(dots.rstrip()) :] if not node.module else ""
            space = " " if not node.module and not kept else kept
            span = start + match.start(2), start + match.end(2)
            edits.append(document.replace(span, f"{lead}{text}{space}"))
    return edits
