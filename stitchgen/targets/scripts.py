"""Models that a script keeps in a variable: `model = torchvision.models.resnet50()`.

The script is only read. What builds the variable is taken out of it, with the weights off; what it
would do besides (a training run) is not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stitchgen.analysis.factories import WEIGHTS, harmless
from stitchgen.analysis.import_safety import ACTING_NAMES, Reader, dotted
from stitchgen.analysis.scope import imported_names
from stitchgen.project.constructions import SAME, WRAPPERS
from stitchgen.project.modules import ProjectFiles, files_beside
from stitchgen.source.tree import nodes_in


@dataclass(frozen=True)
class Variable:
    """One assignment that builds the model of a script."""

    name: str
    expression: str  # that builds it, without weights
    line: int
    needs: tuple[int, ...]  # first lines of the local values that the expression reads
    changes: tuple[int, ...]  # and of the statements that later put other layers into the model
    wrapped: bool  # the variable is a DataParallel around the model


@dataclass(frozen=True)
class Script:
    """The variable that a target names, with all that is known of how it is built."""

    name: str
    variables: tuple[Variable, ...]
    unread: tuple[tuple[int, str], ...] = ()  # line and call of assignments that may do more

    @property
    def lines(self) -> set[int]:
        """First lines of all statements that are run."""
        return {line for one in self.variables for line in (one.line, *one.needs, *one.changes)}

    def as_request(self, builds: Sequence[str]) -> dict[str, object]:
        """What the observer has to run for each expression; given ones take the last one's place."""
        last = self.variables[-1]
        known = {variable.expression: variable for variable in self.variables}
        return {
            "name": self.name,
            "builds": {
                text: {"needs": list(one.needs), "changes": list(one.changes)}
                for text in (*known, *builds)
                for one in [known.get(text, last)]
            },
        }


def read_script(tree: ast.Module, text: str, name: str, files: ProjectFiles) -> Script | None:
    """The constructions that the file assigns to a variable, or None where there is no such one."""
    if any(isinstance(node, ast.ClassDef) and node.name == name for node in tree.body):
        return None
    reader = ScriptReader(tree, text, name, files)
    found = tuple(reader.variables())
    return Script(name, found, tuple(reader.unread)) if found or reader.unread else None


def class_of_variable(script: Script) -> str | None:
    """The name by which the script calls what builds its variable, where all assignments call the same."""
    called = {variable.expression.partition("(")[0] for variable in script.variables}
    return called.pop() if len(called) == 1 else None


def assigned_calls(tree: ast.Module) -> list[str]:
    """The names to which a call's result is assigned, in their order."""
    return list(
        dict.fromkeys(
            target.id
            for node in nodes_in(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for target in node.targets
            if isinstance(target, ast.Name)
        )
    )


class ScriptReader:
    def __init__(self, tree: ast.Module, text: str, name: str, files: ProjectFiles):
        self.tree, self.text, self.name, self.files = tree, text, name, files
        self.plain = Reader(tree)
        self.imports = {
            bound: origin
            for node in nodes_in(tree)
            if isinstance(node, ast.stmt)
            for bound, origin in imported_names(node)
        }
        self.unread: list[tuple[int, str]] = []
        self.classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}

    def variables(self) -> Iterator[Variable]:
        for suites in suites_of(self.tree.body, ()):
            if self.is_part(suites):
                continue
            for node in suites[-1]:
                construction = self.construction(node)
                if construction is None:
                    continue
                call, wrapped = construction
                later = [
                    other
                    for suite in suites
                    for other in suite
                    if other.lineno > (node.end_lineno or node.lineno)
                ]
                changes = [other for other in later if self.is_change(other)]
                yield Variable(
                    name=self.name,
                    expression=text_of(call),
                    line=node.lineno,
                    needs=tuple(self.needs([call, *changes], suites, node.lineno)),
                    changes=tuple(other.lineno for other in changes),
                    wrapped=wrapped,
                )

    def is_part(self, suites: tuple[Sequence[ast.stmt], ...]) -> bool:
        """Whether a function makes what it gives of the variable: `return Detector(backbone, head)`."""
        if suites[0]:  # not of a function
            return False
        nodes = [node for statement in suites[1] for node in nodes_in(statement)]
        given = [node.value for node in nodes if isinstance(node, ast.Return)]
        names = {value.id for value in given if isinstance(value, ast.Name)}
        made = [
            node.value
            for node in nodes
            if isinstance(node, ast.Assign)
            and any(isinstance(one, ast.Name) and one.id in names for one in node.targets)
        ]
        return any(
            isinstance(call, ast.Call)
            and self.only_builds(call.func)
            and (dotted(call.func) or [""])[-1] not in WRAPPERS
            and any(
                isinstance(argument, ast.Name) and argument.id == self.name
                for argument in (*call.args, *(keyword.value for keyword in call.keywords))
            )
            for call in (*given, *made)
        )

    def construction(self, node: ast.stmt) -> tuple[ast.expr, bool] | None:
        """What builds the model in `model = Net(10).to(device)` or `_, model = build(10)`, `Net(10)` and `build(10)[1]`;
        whether it is wrapped."""
        value: ast.expr | None
        match node:
            case ast.Assign(targets=[ast.Name(id=self.name)], value=value):
                pass
            case ast.Assign(targets=[ast.Tuple(elts=elements)], value=value):
                names = [one.id if isinstance(one, ast.Name) else None for one in elements]
                fixed = not any(isinstance(one, ast.Starred) for one in elements)
                if self.name not in names or not fixed:
                    return None
                value = ast.Subscript(value, ast.Constant(names.index(self.name)), ast.Load())
            case ast.AnnAssign(target=ast.Name(id=self.name), value=value):
                pass
            case _:
                return None
        wrapped = False
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
            call = value.value
            if isinstance(call, ast.Call) and self.only_builds(call.func):
                return value, wrapped
        while isinstance(value, ast.Call):
            function = value.func
            if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
                if function.attr not in SAME:
                    return None
                value = function.value
            elif (dotted(function) or [""])[-1] in WRAPPERS and value.args:
                wrapped |= (dotted(function) or [""])[-1] != "compile"
                value = value.args[0]
            elif self.only_builds(function):
                return value, wrapped
            else:
                if not any(isinstance(p, ast.Name) and p.id == self.name for p in nodes_in(value)):
                    self.unread.append((node.lineno, ast.unparse(function)))
                return None
        return None

    def only_builds(self, function: ast.expr) -> bool:
        """Whether the call can be made: of a class, of a package, of a function that only computes."""
        names = dotted(function)
        if names is None or names[0] == self.name or names[-1] in ACTING_NAMES:
            return False
        if names[0] in self.classes or names[-1][:1].isupper():
            return True
        if names[0] in self.plain.defined:
            return names[0] in harmless(self.tree, self.text, self.files)
        origin = self.imports.get(names[0])
        if origin is None:
            return False
        module, _, last = ".".join([origin, *names[1:]]).rpartition(".")
        found = self.files(module)
        if found is None:
            return self.files(module.partition(".")[0]) is None  # an installed package
        try:
            text = found[1]
            return last in harmless(ast.parse(text), text, files_beside(found[0]))
        except SyntaxError:
            return False

    def is_change(self, node: ast.stmt) -> bool:
        """`model.fc = nn.Linear(512, 10)`, as far as it can be run without the script."""
        return (
            isinstance(node, ast.Assign)
            and all(isinstance(t, ast.Attribute) and root_of(t) == self.name for t in node.targets)
            and all(
                self.plain.plain_call(call.func) or self.only_builds(call.func)
                for call in nodes_in(node.value)
                if isinstance(call, ast.Call)
            )
        )

    def needs(
        self, used: Sequence[ast.AST], suites: Sequence[Sequence[ast.stmt]], line: int
    ) -> list[int]:
        """The assignments of plain values, before that line, of the names that are used."""
        names = {part.id for node in used for part in nodes_in(node) if isinstance(part, ast.Name)}
        found: dict[int, None] = {}
        before = [node for suite in suites[1:] for node in suite if node.lineno < line]
        for node in sorted(before, key=lambda one: one.lineno, reverse=True):
            if isinstance(node, ast.Assign) and self.plain.plain(node.value):
                if any(isinstance(t, ast.Name) and t.id in names for t in node.targets):
                    found[node.lineno] = None
                    names |= {p.id for p in nodes_in(node.value) if isinstance(p, ast.Name)}
        return sorted(found)


def suites_of(
    body: Sequence[ast.stmt], above: tuple[Sequence[ast.stmt], ...]
) -> Iterator[tuple[Sequence[ast.stmt], ...]]:
    """Every suite with those around it, outermost first; classes are left out.

    The suites outside of a function do not run with its body, save that their names are known.
    """
    here = (*above, body)
    yield here
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from suites_of(node.body, ((),))
        elif not isinstance(node, ast.ClassDef):
            for name in ("body", "orelse", "finalbody"):
                if inner := getattr(node, name, None):
                    yield from suites_of(inner, here)


def root_of(node: ast.expr) -> str | None:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def text_of(construction: ast.expr) -> str:
    """A call, or an element of what one gives, without its weights."""
    match construction:
        case ast.Call():
            return ast.unparse(without_weights(construction))
        case ast.Subscript(value=value, slice=key):
            return f"{text_of(value)}[{ast.unparse(key)}]"
    raise AssertionError("a construction is a call or an element of one")


def without_weights(call: ast.Call) -> ast.Call:
    """The call with `pretrained=False` and `weights=None`: nothing is to be downloaded."""
    keywords = []
    for keyword in call.keywords:
        value = keyword.value
        if keyword.arg and WEIGHTS.fullmatch(keyword.arg):
            value = ast.Constant(None if keyword.arg.startswith("weights") else False)
        keywords.append(ast.keyword(keyword.arg, value))
    arguments = list(call.args)
    if arguments and isinstance(arguments[0], ast.Constant) and arguments[0].value is True:
        if not (dotted(call.func) or [""])[-1][:1].isupper():
            arguments[0] = ast.Constant(False)  # torchvision's old `resnet50(True)`
    return ast.copy_location(ast.Call(call.func, arguments, keywords), call)
