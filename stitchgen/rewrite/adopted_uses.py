"""A script that uses a module of an installed package, pointed to the project's own copy of it.

What the script takes from the module it takes from the copy: by the import that names it, by attributes
(`torchvision.models.resnet50`), by the package's own function that makes models by their name
(`timm.create_model("resnet50")`).
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stitchgen.errors import StitchError
from stitchgen.source.adoption import without_lines, without_names
from stitchgen.source.document import Document
from stitchgen.source.edits import Edit, apply
from stitchgen.source.imports import add_import
from stitchgen.source.syntax import Syntax
from stitchgen.source.tree import dotted, imported_names

#: Functions that make a model by its name, with what they do besides, which a call of the model's own
#: function would not do.
MAKERS = {
    "timm.create_model": {"checkpoint_path", "scriptable", "exportable", "no_jit"},
    "timm.models.create_model": {"checkpoint_path", "scriptable", "exportable", "no_jit"},
    "torchvision.models.get_model": set[str](),
}
#: So many positional arguments they take that mean the same to the model's own function.
POSITIONAL = 2


@dataclass(frozen=True)
class Copy:
    """The copy of a module: how the script is to import it, and what it has."""

    original: str  # dotted name of the installed module
    module: str  # of the copy, as the script imports it
    names: Collection[str]


@dataclass
class Uses:
    """What a script takes from installed packages, as dotted names."""

    syntax: Syntax
    imports: list[tuple[ast.Import | ast.ImportFrom, int, str, str]] = field(default_factory=list)
    chains: list[tuple[ast.expr, str]] = field(default_factory=list)
    made: list[tuple[ast.Call, str]] = field(default_factory=list)  # by name, with which function

    @property
    def names(self) -> list[str]:
        """All dotted names that may be of the module."""
        found = [origin for *_, origin in self.imports] + [name for _, name in self.chains]
        return list(dict.fromkeys(found))


def uses_of(syntax: Syntax) -> Uses:
    """Everything in a file that an import of an absolute name leads to."""
    found = Uses(syntax)
    origins: dict[str, str] = {}
    for node in ast.walk(syntax.tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            if isinstance(node, ast.ImportFrom) and node.level:
                continue
            for number, alias in enumerate(node.names):
                one: ast.stmt = ast.Import([alias])
                if isinstance(node, ast.ImportFrom):
                    one = ast.ImportFrom(node.module, [alias], 0)
                for bound, origin in imported_names(one):
                    origins[bound] = origin
                    named = alias.name if isinstance(node, ast.Import) else origin
                    found.imports.append((node, number, bound, named))
    inner: set[int] = set()
    for node in ast.walk(syntax.tree):  # outer ones first
        if isinstance(node, ast.Call):
            names = dotted(node.func)
            maker = (
                ".".join([origins[names[0]], *names[1:]]) if names and names[0] in origins else ""
            )
            if maker in MAKERS:
                found.made.append((node, maker))
        if isinstance(node, ast.Attribute) and id(node) not in inner:
            names = dotted(node)
            part: ast.expr = node
            while isinstance(part, ast.Attribute):
                inner.add(id(part))
                if names and names[0] in origins:
                    own = dotted(part)
                    assert own is not None
                    found.chains.append((part, ".".join([origins[names[0]], *own[1:]])))
                part = part.value
    return found


@dataclass
class Rewriting:
    """The edits to one script, and the calls in it that now make a model of the copy."""

    edits: list[Edit] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)  # as they are written afterwards
    notes: list[str] = field(default_factory=list)


def pointed_to_copy(uses: Uses, copy: Copy, homes: Mapping[str, str | None]) -> Rewriting:
    """The edits that make a script use the copy.

    `homes` says of each dotted name what it is called in the module: "" is the module itself, None something
    else. Refuses a script that takes nothing from the module, or in a way that cannot be rewritten.
    """
    return _Pointing(uses, copy, homes).rewriting()


class _Pointing:
    def __init__(self, uses: Uses, copy: Copy, homes: Mapping[str, str | None]):
        self.uses, self.copy, self.homes = uses, copy, homes
        self.syntax = uses.syntax
        self.document: Document = uses.syntax.document
        self.result = Rewriting()
        self.replaced: set[int] = set()  # by id, the names at the beginning of what is replaced
        self.wanted: dict[str, str] = {}  # further names to import: by the name, as what

    def rewriting(self) -> Rewriting:
        edits = self.result.edits
        for call, maker in self.uses.made:
            edits += self.made_by_name(call, maker)
        for node, name in self.chains():
            edits += self.chain(node, name)
        statements = self.imports()
        if not edits and not statements:
            raise self.nothing()
        further = self.further_import()
        for statement, going in self.freed():
            # The import that led to the module serves nothing else: the new one has its place.
            if further and len(going) == len(statement.names):
                edits.append(self.document.replace_lines(self.document.span_of(statement), further))
                further = ""
            elif len(going) == len(statement.names):
                edits += without_lines(self.document, statement)
            else:
                edits += without_names(self.document, statement, going)
        edits += statements
        if further:
            edits.append(add_import(self.syntax, further))
        self.result.calls += [ast.unparse(call) for call in self.calls()]
        return self.result

    def name_of(self, origin: str) -> str | None:
        """What the copy calls a dotted name; None for what is not of the module."""
        found = self.homes.get(origin)
        return found if found is not None and (not found or found in self.copy.names) else None

    # Imports

    def imports(self) -> list[Edit]:
        """The edits to the imports that name the module or what it has."""
        found: dict[int, tuple[ast.Import | ast.ImportFrom, dict[int, str]]] = {}
        for statement, number, bound, origin in self.uses.imports:
            name = self.name_of(origin)
            plain = isinstance(statement, ast.Import) and statement.names[number].asname is None
            if name is None or (plain and "." in origin):
                continue  # `import timm.models.resnet` binds `timm`: its uses are attributes
            line = self.line(name, bound)
            found.setdefault(id(statement), (statement, {}))[1][number] = line
        edits: list[Edit] = []
        for statement, lines in found.values():
            self.check_own_line(statement)
            text = joined_lines(list(lines.values()))
            if len(lines) == len(statement.names):
                edits.append(self.document.replace_lines(self.document.span_of(statement), text))
            else:
                edits += without_names(self.document, statement, set(lines))
                edits.append(self.document.lines_after(self.document.span_of(statement), text))
        return edits

    def line(self, name: str, bound: str) -> str:
        """The import of a name of the copy, or of the copy itself, as what the script calls it."""
        if name:
            return f"from {self.copy.module} import {name}" + (
                f" as {bound}" if bound != name else ""
            )
        package, _, last = self.copy.module.rpartition(".")
        alias = f" as {bound}" if bound != last else ""
        if self.copy.module.startswith(".") or package:
            return f"from {package or '.'} import {last}{alias}"
        return f"import {last}{alias}"

    def further_import(self) -> str:
        names = [
            name + (f" as {bound}" if bound != name else "")
            for name, bound in sorted(self.wanted.items())
        ]
        return f"from {self.copy.module} import {', '.join(names)}" if names else ""

    def freed(self) -> Iterator[tuple[ast.Import | ast.ImportFrom, set[int]]]:
        """The imports with the names in them that only led to what was replaced."""
        loads: dict[str, list[int]] = {}
        for node in ast.walk(self.syntax.tree):
            if isinstance(node, ast.Name):
                loads.setdefault(node.id, []).append(id(node))
        found: dict[int, tuple[ast.Import | ast.ImportFrom, set[int]]] = {}
        for statement, number, bound, _ in self.uses.imports:
            mine = loads.get(bound, [])
            if mine and all(one in self.replaced for one in mine):
                found.setdefault(id(statement), (statement, set()))[1].add(number)
        for statement, going in found.values():
            if self.is_top(statement):
                self.check_own_line(statement)
                yield statement, going

    def is_top(self, statement: ast.stmt) -> bool:
        return statement in self.syntax.tree.body

    def check_own_line(self, statement: ast.stmt) -> None:
        if not self.document.own_line(self.document.span_of(statement)):
            where = f"{self.document.path}:{statement.lineno}"
            raise StitchError(
                "unsupported",
                f"the import at {where} shares its line with another statement",
                where=where,
                hint="Give it a line of its own, then run the command again.",
            )

    # Expressions

    def chains(self) -> Iterator[tuple[ast.expr, str]]:
        """The longest expressions that name something of the module, each once."""
        done: set[int] = set()
        modules = {bound for *_, bound, origin in self.uses.imports if self.name_of(origin) == ""}
        for node, origin in self.uses.chains:
            name, root = self.name_of(origin), root_of(node)
            if not name or (root.id in modules and not origin.startswith(f"{root.id}.")):
                continue  # where the module itself was imported, that import is rewritten
            if id(root) not in done:
                done.add(id(root))
                yield node, name

    def chain(self, node: ast.expr, name: str) -> list[Edit]:
        self.note_root(node)
        return [self.document.replace(self.document.span_of(node), self.bound_name(name))]

    def note_root(self, node: ast.expr) -> None:
        self.replaced.add(id(root_of(node)))

    def bound_name(self, name: str) -> str:
        """As what a name of the copy is imported, free of what the script binds."""
        for *_, bound, origin in self.uses.imports:
            if self.name_of(origin) == name:
                return bound  # its own import names it, and is rewritten
        if name not in self.wanted:
            self.wanted[name] = name if name not in self.bound else f"adopted_{name}"
        return self.wanted[name]

    @property
    def bound(self) -> set[str]:
        """Every name that the script binds anywhere."""
        found: set[str] = set()
        for node in ast.walk(self.syntax.tree):
            match node:
                case ast.Name(id=name) if not isinstance(node.ctx, ast.Load):
                    found.add(name)
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    found.add(name)
                case ast.ClassDef(name=name) | ast.arg(arg=name):
                    found.add(name)
                case ast.Import() | ast.ImportFrom():
                    found |= {bound for bound, _ in imported_names(node)}
        return found

    def made_by_name(self, call: ast.Call, maker: str) -> list[Edit]:
        """`timm.create_model("resnet50", pretrained=True)` as a call of the model's own function."""
        where = f"{self.document.path}:{call.lineno}"
        first = call.args[0] if call.args else None
        keyword = next((one for one in call.keywords if one.arg in ("model_name", "name")), None)
        value = first if first is not None else (keyword.value if keyword is not None else None)
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            self.result.notes.append(
                f"{where} makes a model whose name is not written there; that one stays the installed one"
            )
            return []
        name, _, tag = value.value.partition(".")
        if maker.startswith("torchvision"):
            name = name.lower()
        if name not in self.copy.names or not self.is_of_package(maker):
            return []
        own = {one.arg for one in call.keywords}
        if (unfit := own & MAKERS[maker]) or len(call.args) > POSITIONAL or None in own:
            given = (
                ", ".join(sorted(filter(None, unfit)))
                or "more than the name and `pretrained` by position"
            )
            raise StitchError(
                "unsupported",
                f"{where} passes {maker.rpartition('.')[2]} {given}, which {name}() itself does not take",
                where=where,
                hint=f"Write `from {self.copy.module} import {name}` and the call of {name}() yourself.",
            )
        self.note_root(call.func)
        edits = [self.document.replace(self.document.span_of(call.func), self.bound_name(name))]
        edits += self.without_argument(call, value, keyword if first is None else None, tag)
        return edits

    def without_argument(
        self, call: ast.Call, value: ast.Constant, keyword: ast.keyword | None, tag: str
    ) -> list[Edit]:
        """The edits that take the name out of the arguments; its tag says which weights are meant."""
        nodes: list[ast.AST] = [*call.args, *call.keywords]
        nodes.sort(key=self.start)
        here = nodes.index(keyword if keyword is not None else value)
        start, end = self.document.span_of(nodes[here])
        named = any(one.arg == "pretrained_cfg" for one in call.keywords)
        quote = self.document.quote
        text = f"pretrained_cfg={quote}{tag}{quote}" if tag and not named else ""
        positional = [one for one in call.args if one is not value]
        if here + 1 < len(nodes):
            next_start = self.document.span_of(nodes[here + 1])[0]
            edits = [self.document.replace((start, next_start), "")]
            if not text:
                return edits
            if not positional:
                return [self.document.replace((start, end), text)]
            last = self.document.span_of(positional[-1])[1]
            return [*edits, self.document.insert(last, f", {text}")]
        return [self.document.replace((start, end), text)]

    def start(self, node: ast.AST) -> int:
        return self.document.span_of(node)[0]

    def is_of_package(self, maker: str) -> bool:
        return maker.partition(".")[0] == self.copy.original.partition(".")[0]

    # What is said

    def calls(self) -> Iterator[ast.Call]:
        """The calls of the edited script that make something of the copy."""
        edited = Document(apply(self.document.raw, self.result.edits), self.document.path)
        bound = {
            alias.asname or alias.name: alias.name
            for node in ast.walk(edited.tree)
            if isinstance(node, ast.ImportFrom)
            and "." * node.level + (node.module or "") == self.copy.module
            for alias in node.names
        }
        modules = {
            name
            for node in ast.walk(edited.tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name, origin in imported_names(node)
            if origin == self.copy.module
        }
        for node in ast.walk(edited.tree):
            if not isinstance(node, ast.Call):
                continue
            names = dotted(node.func)
            if names is None:
                continue
            if names[0] in bound and len(names) == 1:
                yield renamed(node, bound[names[0]])
            elif names[0] in modules and len(names) == 2:
                yield renamed(node, names[1])

    def nothing(self) -> StitchError:
        where = self.document.path
        notes = f": {self.result.notes[0]}" if self.result.notes else ""
        return StitchError(
            "target-not-found",
            f"{where} takes nothing from {self.copy.original} by name{notes}",
            where=self.result.notes[0].split(" ")[0] if self.result.notes else where,
            hint=f"Leave --in out, and write there: from {self.copy.module} import NAME",
        )


def root_of(node: ast.expr) -> ast.Name:
    """The name that `a.b.c` begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    assert isinstance(node, ast.Name)
    return node


def renamed(call: ast.Call, name: str) -> ast.Call:
    return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), call.args, call.keywords), call)


def joined_lines(lines: Sequence[str]) -> str:
    """Imports from one module as one statement."""
    parts: dict[str, list[str]] = {}
    rest = []
    for line in lines:
        start, imports, names = line.partition(" import ")
        if imports and start.startswith("from "):
            parts.setdefault(start, []).append(names)
        else:
            rest.append(line)
    return "\n".join(
        [*rest, *(f"{start} import {', '.join(names)}" for start, names in parts.items())]
    )
