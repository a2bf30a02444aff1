"""Which class and layer a target means, among the configurations that were seen."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from stitchgen.analysis.survey import Configuration, Spot, Survey, in_project
from stitchgen.errors import StitchError
from stitchgen.project.workspace import Workbench
from stitchgen.source.syntax import Syntax, explicit_class
from stitchgen.targets.build_errors import (
    installed_model,
    may_do_more,
    nothing_built,
    quoted,
    with_offers,
)
from stitchgen.targets.model import Session, followed
from stitchgen.targets.scripts import Variable
from stitchgen.targets.target import Located


@dataclass(frozen=True)
class Resolved:
    """`CLASS.PATH` in a file: every instance of the class, and the layer at the path in it."""

    located: Located
    file: Path
    class_name: str
    path: str
    variable: str | None = None  # instead of a class of the project: the model of a script
    builds: tuple[str, ...] = ()  # and the configurations that build it
    assignment: Variable | None = None  # by which

    def spots(self, survey: Survey) -> list[Spot]:
        if self.variable is None:
            spots = survey.spots(self.class_name, str(self.file), self.path)
        else:
            spots = [
                Spot(configuration, "", self.path)
                for configuration in survey.configurations
                if configuration.expression in self.builds and self.path in configuration.layers
            ]
        element = self.located.target.element
        return spots if element is None else [replace(s, element=str(element)) for s in spots]

    def named(self, bench: Workbench) -> str:
        """As the report and the ledger name it: `model.py::ResNet.layer2`."""
        target = self.located.target
        suffix = f"@{target.call}" if target.call is not None else ""
        suffix += f"#{target.element}" if target.element is not None else ""
        return f"{bench.relative(self.file)}::{self.class_name}.{self.path}{suffix}"


def resolve(session: Session, located: Located, survey: Survey, bench: Workbench) -> Resolved:
    """The class and path that a located target means, among the configurations that were seen."""
    if not survey.configurations:
        raise nothing_built(session, survey)
    if located.variable is not None:
        return resolve_variable(session, located, survey, bench)
    located = in_class_file(located, survey, bench)
    names = [name for name in located.names if name]
    if names and names[0] == "module":
        names = names[1:]  # a path pasted from a DataParallel model
    if names and any(built_by(c.expression) == names[0] for c in survey.configurations):
        if bench.syntax(located.file).class_named(names[0]) is None:
            names = names[1:]  # a factory, which stands for the model that it builds
    file = str(located.file)
    explicit = explicit_class(bench.syntax(located.file), names)
    if explicit is not None:
        class_name, path = explicit
        if not path:
            raise StitchError(
                "target-not-found",
                f"{located.target.text} names a class and no layer",
                hint="Append a layer's path.",
                suggestions=suggestions(session, survey, class_name, "")[:5],
            )
        if survey.spots(class_name, file, path):
            return Resolved(located, located.file, class_name, path)
        if not any(survey.roots(c, class_name, file) for c in survey.configurations):
            raise no_instance(session, survey, class_name)
        raise no_such_layer(session, survey, class_name, path, located)
    path = ".".join(names)
    roots = {
        survey.classes[c.class_key]["name"]: None
        for c in survey.configurations
        if path in c.layers and survey.classes[c.class_key]["file"] == file
    }
    found = list(roots)
    if not found:
        inner = {
            about["name"]: None
            for about in survey.classes.values()
            if about and about["file"] == file and survey.spots(about["name"], file, path)
        }
        found = list(inner)
    if len(found) == 1:
        return Resolved(located, located.file, found[0], path)
    for configuration in survey.configurations:
        kind = survey.classes[configuration.class_key]
        if path in configuration.layers and not in_project(kind["file"], bench.root):
            shown = bench.relative(located.file)
            raise installed_model(shown, configuration.expression, kind["name"], path)
    if not found:
        raise no_such_layer(session, survey, None, path, located)
    raise StitchError(
        "target-ambiguous",
        f"{len(found)} classes of {bench.relative(located.file)} have {path}: {', '.join(found)}",
        where=bench.relative(located.file),
        suggestions=[f"{bench.relative(located.file)}::{name}.{path}" for name in found],
    )


def built_by(expression: str) -> str:
    """`resnet18` in `resnet18(num_classes=10)` and `models.resnet:resnet18()`."""
    return expression.partition("(")[0].rpartition(":")[2]


def in_class_file(located: Located, survey: Survey, bench: Workbench) -> Located:
    """The target in the file of the class that it means: its own may only import and build that."""
    elsewhere = followed(located, bench, bench.root)
    if elsewhere.file != located.file:
        return elsewhere
    files = {survey.classes[c.class_key]["file"] for c in survey.configurations}
    if str(located.file) not in files and len(files) == 1:
        if not explicit_class(bench.syntax(located.file), located.names):
            (file,) = files
            if in_project(file, bench.root):
                return replace(located, file=Path(file))
    return located


def resolve_variable(
    session: Session, located: Located, survey: Survey, bench: Workbench
) -> Resolved:
    """A layer of the model that a variable of the script holds.

    Its class may be the project's own: then that is what is edited.
    """
    variable, path = located.variable, ".".join(located.names)
    assert variable is not None and session.script is not None
    built = [c for c in survey.configurations if session.builds_variable(c)]
    own = [c for c in built if path in c.layers]
    # The model may have a child of the variable's name, as a LightningModule has: `self.model`.
    within = f"{variable}.{path}" if path else variable
    inside = [c for c in survey.configurations if within in c.layers]
    shown = bench.relative(located.file)
    if own and inside:
        name = survey.classes[inside[0].class_key]["name"]
        raise StitchError(
            "target-ambiguous",
            f"{located.target.text!r} can be {path} of the variable {variable}, and {within} of "
            f"{name}",
            where=f"{shown}:{session.script.variables[0].line}",
            suggestions=[
                f"{shown}::{survey.classes[c.class_key]['name']}.{p}"
                for c, p in ((own[0], path), (inside[0], within))
            ],
        )
    if inside:
        names = (variable, *located.names)
        return resolve(session, replace(located, names=names, variable=None), survey, bench)
    if not own:
        if not built:
            raise nothing_built(session, survey)
        raise no_such_layer(session, survey, None, path, located)
    about = survey.classes[own[0].class_key]
    if in_project(about["file"], bench.root):
        return Resolved(located, Path(about["file"]), about["name"], path)
    part = part_of_project(own, path, survey, bench)
    if part is not None:
        return Resolved(located, *part)
    known = {one.expression: one for one in session.script.variables}
    made = {known.get(c.expression, session.script.variables[-1]) for c in own}
    lines = sorted(one.line for one in made)
    if len(lines) > 1:
        raise StitchError(
            "configuration-dependent",
            f"{variable} is built in {len(lines)} places, {shown}:"
            + f" and {shown}:".join(map(str, lines)),
            where=f"{shown}:{lines[0]}",
            hint="Name the one that you use: --build EXPR",
            suggestions=[f"--build '{quoted(c.expression)}'" for c in own],
        )
    builds = tuple(c.expression for c in own)
    return Resolved(located, located.file, variable, path, variable, builds, made.pop())


def part_of_project(
    built: Sequence[Configuration], path: str, survey: Survey, bench: Workbench
) -> tuple[Path, str, str] | None:
    """File, class and path of a module of the project, of which there is one, that has the layer."""
    root = path
    while "." in root:
        root = root.rpartition(".")[0]
        about = survey.classes[built[0].class_at(root)]
        if about and in_project(about["file"], bench.root):
            rest = path[len(root) + 1 :]
            if len(survey.spots(about["name"], about["file"], rest)) == len(built):
                return Path(about["file"]), about["name"], rest
    return None


def suggestions(session: Session, survey: Survey, class_name: str | None, path: str) -> list[str]:
    """Targets that are near to what was typed, ready to paste."""
    near: dict[str, None] = {}
    stem = session.file.name
    for configuration in survey.configurations:
        roots = [""]
        name = survey.classes[configuration.class_key]["name"]
        if class_name is None and session.script is not None:
            name = session.script.name
        if class_name is not None:
            name = class_name
            roots = survey.roots(configuration, class_name, str(session.file))
        for root in roots[:1]:
            prefix = root + "." if root else ""
            paths = [p[len(prefix) :] for p in configuration.layers if p.startswith(prefix)]
            close = get_close_matches(path, paths, n=4, cutoff=0.5) if path else paths[:4]
            for other in close:
                near[f"{stem}::{name}.{other}"] = None
    return list(near)[:6]


def no_such_layer(
    session: Session, survey: Survey, class_name: str | None, path: str, located: Located
) -> StitchError:
    document = session.syntax.document
    name = class_name or "the model"
    near = suggestions(session, survey, class_name, path)
    called = functional_call(session.syntax, class_name, path)
    if called is not None:
        function, line = called
        return StitchError(
            "function-call",
            f"{path} is called as {function} at {document.path}:{line}, it is no layer",
            where=f"{document.path}:{line}",
            hint="Splice after the layer before it, or make it a layer first.",
            suggestions=near,
        )
    line = 1
    node = session.syntax.class_named(class_name) if class_name else None
    if node is not None:
        line = node.lineno
    if session.unread:
        return may_do_more(session)
    if survey.read:
        return StitchError(
            "target-not-found",
            f"the source alone shows no layer {path!r} in {name}",
            where=f"{document.path}:{line}",
            hint="Let the model run (leave out --no-prove).",
            suggestions=near,
        )
    builds = ", ".join(c.expression for c in survey.configurations[:4])
    error = StitchError(
        "target-not-found",
        f"{name} has no layer {path!r} (looked in {builds})",
        where=f"{document.path}:{line}",
        hint="stitchgen layers prints all targets of a model",
        suggestions=near,
    )
    return error if session.subject.given else with_offers(session, error)


def no_instance(session: Session, survey: Survey, class_name: str) -> StitchError:
    """That no model which was built has an instance of the class."""
    path = session.syntax.document.path
    node = session.syntax.class_named(class_name)
    if survey.read:
        return StitchError(
            "target-not-found",
            f"the source alone does not tell the layers of {class_name}",
            where=f"{path}:{node.lineno if node else 1}",
            hint="Let the model run (leave out --no-prove).",
        )
    failed = "".join(f"; {error['message']}" for error in list(survey.failures.values())[:1])
    error = StitchError(
        "does-not-build",
        f"no {class_name} is in what was built: "
        + ", ".join(c.expression for c in survey.configurations[:4])
        + failed,
        where=f"{path}:{node.lineno if node else 1}",
        hint=f"Say how the model is built: --build '{class_name}(...)'",
    )
    return with_offers(session, error)


def functional_call(syntax: Syntax, class_name: str | None, path: str) -> tuple[str, int] | None:
    """`F.relu` where the name is called as a function of torch."""
    last = path.rpartition(".")[2]
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            text = ast.unparse(node.func)
            if node.func.attr == last and text.startswith(("F.", "torch.", "nn.functional.")):
                return text, node.lineno
    return None
