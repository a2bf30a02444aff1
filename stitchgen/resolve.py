"""From a target's text to a class of a file and a path below it (floor 4).

First the file, by its name; then, knowing which configurations of the file build which classes,
the class that has the layer. No match or several are errors that list the near ones.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from stitchgen import definitions, observe, reading
from stitchgen.config import Project
from stitchgen.errors import StitchError
from stitchgen.imports import has_relative_imports
from stitchgen.observed import Survey
from stitchgen.request import AddRequest
from stitchgen.syntax import Syntax
from stitchgen.target import ImportName, Located, as_named, import_name, locate, parse
from stitchgen.workbench import Workbench

#: More factories than this are not tried; the report names those left.
MOST_BUILDS = 40
#: How many are tried beside those that the user names.
MOST_OTHERS = 4


@dataclass(frozen=True)
class Session:
    """The model file of a request, and how it is built, fed and run."""

    located: tuple[Located, ...]
    file: Path
    syntax: Syntax
    import_name: ImportName
    subject: observe.Subject
    builds: tuple[str, ...]  # those given first, then those found in the file
    given: tuple[str, ...]
    inputs: tuple[str, ...]
    python: str
    left_out: tuple[tuple[int, int], ...]
    with_: tuple[Located, ...] = ()  # the further layers that a block reads
    into: Located | None = None  # the one reader that gets its output


@dataclass(frozen=True)
class Resolved:
    """`CLASS.PATH` in a file: every instance of the class, and the layer at the path in it."""

    located: Located
    file: Path
    class_name: str
    path: str

    def named(self, bench: Workbench) -> str:
        """As the report and the ledger name it: `model.py::ResNet.layer2`."""
        target = self.located.target
        suffix = f"@{target.call}" if target.call is not None else ""
        suffix += f"#{target.element}" if target.element is not None else ""
        return f"{bench.relative(self.file)}::{self.class_name}.{self.path}{suffix}"


def search_folders(root: Path) -> tuple[Path, ...]:
    """Where a file or module of a target is looked for, in this order."""
    folders = [Path.cwd(), root, root / "src"]
    return tuple(dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir()))


def open_session(project: Project, request: AddRequest, bench: Workbench) -> Session:
    """Find and parse the model file, and settle how its model is built."""
    folders = search_folders(project.root)
    models = {name: model.target for name, model in project.models.items()}
    whole = request.every is not None
    located = tuple(locate(parse(text, whole), folders, models, whole) for text in request.targets)
    session = session_of(
        project, located, request.builds, request.inputs, request.python, bench, folders
    )
    with_ = tuple(locate(parse(text), folders, models) for text in request.with_)
    into = None if request.into is None else locate(parse(request.into), folders, models)
    for other in (*with_, into):
        if other is not None and other.file != session.file:
            raise StitchError(
                "target-ambiguous",
                f"{other.target.text} is in {bench.relative(other.file)}, the target in "
                f"{bench.relative(session.file)}: they have no forward in common",
                where=bench.relative(other.file),
            )
    return replace(session, with_=with_, into=into)


def open_model(
    project: Project,
    text: str,
    builds: Sequence[str],
    inputs: Sequence[str],
    python: str | None,
    bench: Workbench,
) -> Session:
    """The session of a MODEL: a file, a module, a configured name, with or without its class."""
    folders = search_folders(project.root)
    models = {name: model.target for name, model in project.models.items()}
    located = locate(parse(text, whole=True), folders, models, whole=True)
    return session_of(project, (located,), builds, inputs, python, bench, folders)


def session_of(
    project: Project,
    located: tuple[Located, ...],
    builds: Sequence[str],
    inputs: Sequence[str],
    python: str | None,
    bench: Workbench,
    folders: Sequence[Path],
) -> Session:
    file = located[0].file
    for other in located[1:]:
        if other.file != file:
            raise StitchError(
                "target-ambiguous",
                f"the targets are in two files, {bench.relative(file)} and "
                f"{bench.relative(other.file)}",
                hint="Run the command once for each file.",
            )
    syntax = bench.syntax(file)
    name = import_name(file, project.root, has_relative_imports(syntax.tree))
    configured = next(
        (model for model in project.models.values() if names_file(model.target, file, folders)),
        None,
    )
    given = builds or (configured.build if configured else ())
    inputs = inputs or (configured.input if configured else ())
    found = found_builds(project, syntax, file)
    # With a configuration given, others of the file still keep the expression general.
    tried = dict.fromkeys((*given, *(found[:MOST_OTHERS] if given else found[:MOST_BUILDS])))
    left_out = definitions.left_out(syntax.tree)
    subject = observe.Subject(
        file=file,
        module=name.module,
        paths=name.paths,
        root=project.root,
        left_out={str(file): [line for line, _ in left_out]},
    )
    return Session(
        located=located,
        file=file,
        syntax=syntax,
        import_name=name,
        subject=subject,
        builds=tuple(tried),
        given=tuple(given),
        inputs=tuple(inputs),
        python=observe.interpreter(python, project.python, project.root),
        left_out=tuple(left_out),
    )


def names_file(target: str, file: Path, folders: Sequence[Path]) -> bool:
    name = parse(target).file
    return name is not None and any(as_named(folder / name) == file for folder in folders)


def found_builds(project: Project, syntax: Syntax, file: Path) -> tuple[str, ...]:
    """The constructions that reading finds in the file: factories, and classes without arguments."""
    found = reading.configurations(syntax.tree, syntax.document.text)
    return tuple(dict.fromkeys(text for texts in found.values() for text in texts))


def no_builds(syntax: Syntax) -> StitchError:
    path = syntax.document.path
    names = module_classes(syntax)
    if not names:
        return StitchError(
            "not-a-model",
            f"{path} defines no nn.Module",
            where=path,
            hint="Name the file that holds the model's class.",
        )
    return StitchError(
        "does-not-build",
        f"no construction without arguments was found for {', '.join(names)} in {path}",
        where=path,
        hint=f"Say how the model is built: --build '{names[-1]}(...)'",
    )


def module_classes(syntax: Syntax) -> list[str]:
    """Classes of the file that have a `forward` or derive from a Module by name."""
    found = []
    for node in syntax.tree.body:
        if isinstance(node, ast.ClassDef):
            bases = " ".join(ast.unparse(base) for base in node.bases)
            methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            if "Module" in bases or "forward" in methods or "Sequential" in bases:
                found.append(node.name)
    return found


def resolve(session: Session, located: Located, survey: Survey, bench: Workbench) -> Resolved:
    """The class and path that a located target means, among the configurations that were seen."""
    if not survey.configurations:
        raise nothing_built(session, survey)
    names = [name for name in located.names if name]
    if names and names[0] == "module":
        names = names[1:]  # a path pasted from a DataParallel model
    file = str(located.file)
    explicit = explicit_class(session.syntax, names)
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
    if not found:
        raise no_such_layer(session, survey, None, path, located)
    raise StitchError(
        "target-ambiguous",
        f"{len(found)} classes of {bench.relative(located.file)} have {path}: {', '.join(found)}",
        where=bench.relative(located.file),
        suggestions=[f"{bench.relative(located.file)}::{name}.{path}" for name in found],
    )


def explicit_class(syntax: Syntax, names: Sequence[str]) -> tuple[str, str] | None:
    """`(CLASS, PATH)` where the leading names are a class of the file."""
    for count in range(len(names), 0, -1):
        if syntax.class_named(".".join(names[:count])) is not None:
            return ".".join(names[:count]), ".".join(names[count:])
    return None


def check_given(session: Session, survey: Survey) -> None:
    """Refuse where a configuration that the user named does not build or run."""
    for expression in session.given:
        if expression in survey.failures:
            raise failed_build(session, expression, survey.failures[expression])


def failed_build(session: Session, expression: str, error: Mapping[str, Any]) -> StitchError:
    """What one construction failed with, and what to type next."""
    hint = "Pass the construction that your training script uses: --build 'Net(...)'"
    if error["code"] in ("does-not-run", "bad-argument"):
        hint = "Pass the input that the model takes: --input 1x3x224x224"
    elif session.left_out:
        lines = ", ".join(str(line) for line, _ in session.left_out[:5])
        hint += f". Only definitions are run; left out were the statements at lines {lines}"
    return StitchError(error["code"], error["message"], where=error.get("where"), hint=hint)


def nothing_built(session: Session, survey: Survey) -> StitchError:
    """The first failure, and the constructions that may help."""
    if not survey.failures:
        return no_builds(session.syntax)
    expression, error = next(iter(survey.failures.items()))
    refusal = failed_build(session, expression, error)
    refusal.suggestions = [f"--build '{other}'" for other in list(survey.failures)[1:4]]
    return refusal


def suggestions(session: Session, survey: Survey, class_name: str | None, path: str) -> list[str]:
    """Targets that are near to what was typed, ready to paste."""
    near: dict[str, None] = {}
    stem = session.file.name
    for configuration in survey.configurations:
        roots = [""]
        name = survey.classes[configuration.class_key]["name"]
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
    builds = ", ".join(c.expression for c in survey.configurations[:4])
    return StitchError(
        "target-not-found",
        f"{name} has no layer {path!r} (looked in {builds})",
        where=f"{document.path}:{line}",
        hint="stitchgen layers prints all targets of a model.",
        suggestions=near,
    )


def functional_call(syntax: Syntax, class_name: str | None, path: str) -> tuple[str, int] | None:
    """`F.relu` where the name is called as a function of torch."""
    last = path.rpartition(".")[2]
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            text = ast.unparse(node.func)
            if node.func.attr == last and text.startswith(("F.", "torch.", "nn.functional.")):
                return text, node.lineno
    return None
