"""From a target's text to a class of a file and a path below it (floor 4).

First the file, by its name; then, knowing which configurations of the file build which classes,
the class that has the layer. No match or several are errors that list the near ones.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from stitchgen import definitions, observe, reading
from stitchgen.config import ModelConfig, Project
from stitchgen.errors import StitchError
from stitchgen.imports import has_relative_imports
from stitchgen.observed import Configuration, Spot, Survey, in_project
from stitchgen.offers import constructions
from stitchgen.request import AddRequest
from stitchgen.scripts import Script, Variable, read_script
from stitchgen.syntax import Syntax, all_statements
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
    script: Script | None = None  # where the targets name a variable
    unread: tuple[tuple[int, str], ...] = ()  # assignments of that name that may do more than build

    def builds_variable(self, configuration: Configuration) -> bool:
        """Whether a configuration is the model that the script's variable holds."""
        known = self.subject.script or {"builds": {}}
        return configuration.expression in known["builds"]

    def behind_variable(self, located: Located) -> Located:
        """The target without the script's variable that it begins with, if it does."""
        if self.script is None or located.names[:1] != (self.script.name,):
            return located
        return replace(located, names=located.names[1:], variable=self.script.name)


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
    if located[0].file != session.file:
        with_ = tuple(followed(one, bench, project.root) for one in with_)
        into = into and followed(into, bench, project.root)
    for other in (*with_, into):
        if other is not None and other.file != session.file:
            raise StitchError(
                "target-ambiguous",
                f"{other.target.text} is in {bench.relative(other.file)}, the target in "
                f"{bench.relative(session.file)}: they have no forward in common",
                where=bench.relative(other.file),
            )
    with_ = tuple(session.behind_variable(one) for one in with_)
    into = into and session.behind_variable(into)
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
    defined = tuple(followed(one, bench, project.root) for one in located)
    for other, one in zip(defined[1:], located[1:]):
        if other.file != defined[0].file or one.file != located[0].file:
            raise StitchError(
                "target-ambiguous",
                f"the targets are in two files, {bench.relative(defined[0].file)} and "
                f"{bench.relative(other.file)}",
                hint="Run the command once for each file.",
            )
    named, defining = located[0].file, defined[0].file
    class_name = defined[0].names[0] if defined[0].names else ""
    configured = configured_model(project, named, folders)
    known = builds or (configured.build if configured else ())
    if not is_built_by(named, defining, class_name, known, project, bench):
        located, configured = defined, configured_model(project, defining, folders)
    file = located[0].file
    syntax = bench.syntax(file)
    name = import_name(file, project.root, has_relative_imports(syntax.tree))
    found_script = scripted(located, syntax, file, name)
    script = found_script if found_script is not None and found_script.variables else None
    unread = found_script.unread if found_script is not None and script is None else ()
    given = builds or (configured.build if configured else ())
    inputs = inputs or (configured.input if configured else ())
    found = found_builds(project, syntax, file)
    # With a configuration given, others of the file still keep the expression general.
    made = tuple(one.expression for one in script.variables) if script and not given else ()
    others = found[: MOST_OTHERS if given or made else MOST_BUILDS]
    tried = dict.fromkeys((*given, *made, *others))
    left_out = definitions.left_out(syntax.tree)
    imported = imported_files(file, syntax.tree, project.root, name.paths)
    subject = observe.Subject(
        file=file,
        module=name.module,
        paths=name.paths,
        root=project.root,
        left_out=left_out_of_files(file, left_out, imported),
        script=script.as_request(given) if script else None,
    )
    session = Session(
        located=located,
        file=file,
        syntax=syntax,
        import_name=name,
        subject=subject,
        builds=tuple(tried),
        given=tuple(given),
        inputs=tuple(inputs),
        python=observe.interpreter(python, project.python, project.root),
        left_out=tuple(lines for lines in left_out if not script or lines[0] not in script.lines),
        script=script,
        unread=unread,
    )
    return replace(session, located=tuple(session.behind_variable(one) for one in located))


def is_built_by(
    named: Path,
    defining: Path,
    class_name: str,
    builds: Sequence[str],
    project: Project,
    bench: Workbench,
) -> bool:
    """Whether it is the file named, not the one that defines the class, that builds the model.

    Of a class that a training script imports, the file that defines it is enough: the script need
    not be run.
    """
    if named == defining:
        return True
    own, other = bench.syntax(named), bench.syntax(defining)
    for text in builds:
        names = names_in(text)
        if not names <= other.top_level_names and names <= own.top_level_names:
            return True
    if builds or class_name in reading.configurations(other.tree, other.document.text):
        return False
    return bool(found_builds(project, own, named))


def names_in(expression: str) -> set[str]:
    """The names that an expression reads, without those of Python itself."""
    try:
        tree = ast.parse(expression, mode="eval")
    except SyntaxError:
        return set()
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names - set(vars(builtins))


def followed(located: Located, bench: Workbench, root: Path) -> Located:
    """The target in the file that defines its class, where its own file only imports that."""
    for _ in range(8):
        if not located.names:
            return located
        syntax = bench.syntax(located.file)
        imports = {
            bound: origin
            for node in syntax.tree.body
            for bound, origin in reading.imported_names(node)
        }
        origin = imports.get(located.names[0])
        if origin is None or syntax.class_named(located.names[0]) is not None:
            return located
        module, _, name = origin.rpartition(".")
        if origin.startswith(".") and not module.strip("."):
            module = origin[: len(origin) - len(name)]
        found = reading.files_beside(located.file, root, root / "src")(module)
        if found is None or not in_project(str(found[0]), root) or found[0] == located.file:
            return located
        located = replace(located, file=found[0], names=(name, *located.names[1:]))
    return located


def scripted(
    located: tuple[Located, ...], syntax: Syntax, file: Path, name: ImportName
) -> Script | None:
    """The variable of the file that all targets begin with, if there is one."""
    first = {one.names[0] if one.names else None for one in located}
    variable = first.pop()
    if first or variable is None:
        return None
    files = reading.files_beside(file, *name.paths)
    return read_script(syntax.tree, syntax.document.text, variable, files)


def left_out_of_files(
    file: Path, own: Sequence[tuple[int, int]], imported: Mapping[Path, ast.Module]
) -> dict[str, list[int]]:
    """The lines that are not run, of those files that have any."""
    found = {path: own if path == file else definitions.acting(imported[path]) for path in imported}
    return {str(path): [first for first, _ in lines] for path, lines in found.items() if lines}


def imported_files(
    file: Path, tree: ast.Module, root: Path, paths: Sequence[Path]
) -> dict[Path, ast.Module]:
    """The model file and the project's files that it imports: one of them may train, too."""
    found, todo = {file: tree}, [(file, tree)]
    while todo:
        here, tree = todo.pop()
        files = reading.files_beside(here, *paths)
        for node in all_statements(tree):
            for _, origin in reading.imported_names(node):
                for module in (origin, origin.rpartition(".")[0] or origin):
                    other = files(module)
                    if other is None or other[0] in found or not in_project(str(other[0]), root):
                        continue
                    try:
                        found[other[0]] = ast.parse(other[1])
                    except (SyntaxError, ValueError):
                        continue  # importing it says what is wrong
                    todo.append((other[0], found[other[0]]))
    return found


def configured_model(project: Project, file: Path, folders: Sequence[Path]) -> ModelConfig | None:
    """What the configuration says of the model in a file."""
    for model in project.models.values():
        if names_file(model.target, file, folders):
            return model
    return None


def names_file(target: str, file: Path, folders: Sequence[Path]) -> bool:
    name = parse(target, whole=True).file
    return name is not None and any(as_named(folder / name) == file for folder in folders)


def found_builds(project: Project, syntax: Syntax, file: Path) -> tuple[str, ...]:
    """The constructions that reading finds in the file: factories, and classes without arguments."""
    text = syntax.document.text
    found = reading.configurations(syntax.tree, text)
    if not found:
        paths = import_name(file, project.root, has_relative_imports(syntax.tree)).paths
        files = reading.files_beside(file, *paths)
        found = reading.factories_of_imported(syntax.tree, text, files)
    return tuple(dict.fromkeys(text for texts in found.values() for text in texts))


def no_builds(session: Session) -> StitchError:
    """That nothing says how the model is built, with the constructions found in the project."""
    syntax = session.syntax
    path = syntax.document.path
    names = module_classes(syntax)
    if session.unread:
        return may_do_more(session)
    if not names:
        made = returned_container(syntax.tree)
        if made is not None:
            name, line = made
            called = session.located[0].names
            inner = called[1:] if called[0] in (name, f"{name}()") else called
            where = f"{path}:{line}"
            return installed_model(where, f"{name}()", "Sequential", ".".join(inner))
        return StitchError(
            "not-a-model",
            f"{path} defines no nn.Module",
            where=path,
            hint="Name the file that holds the model's class.",
            suggestions=[f"{bench_path}::{name}" for bench_path, name in classes_imported(session)],
        )
    error = StitchError(
        "does-not-build",
        f"no construction without arguments was found for {', '.join(names)} in {path}",
        where=path,
        hint=f"Say how the model is built: --build '{names[-1]}(...)'",
    )
    return with_offers(session, error)


def returned_container(tree: ast.Module) -> tuple[str, int] | None:
    """A function of the file that returns an nn.Sequential, with the line."""
    for function in tree.body:
        for node in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Call):
                if ast.unparse(node.value.func).rpartition(".")[2] == "Sequential":
                    assert isinstance(function, ast.FunctionDef)
                    return function.name, node.lineno
    return None


def installed_model(where: str, build: str, class_name: str, path: str) -> StitchError:
    """That the model itself is of an installed class, so that no forward in the file runs it."""
    file = where.partition(":")[0]
    return StitchError(
        "installed-package",
        f"{build} gives a {class_name} of an installed package, which runs its layers itself: no "
        f"forward in {file} could run a block",
        where=where,
        hint=f"Keep it in a variable of a script, model = {build}, and attach the block there: "
        f"--after SCRIPT.py::model.{path} --attach",
    )


def classes_imported(session: Session) -> list[tuple[str, str]]:
    """Files and names of the classes of the project that the file imports."""
    files = reading.files_beside(session.file, *session.import_name.paths)
    found = []
    for node in ast.walk(session.syntax.tree):
        for name, origin in reading.imported_names(node) if isinstance(node, ast.stmt) else ():
            other = files(origin.rpartition(".")[0] or origin)
            if other is not None and name[:1].isupper():
                rest = ".".join((name, *session.located[0].names))
                found.append((shown_path(other[0], session.subject.root), rest))
    return found[:4]


def shown_path(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def may_do_more(session: Session) -> StitchError:
    """That a variable is assigned by a call that is not run, since it may train or load."""
    line, function = session.unread[0]
    where = f"{session.syntax.document.path}:{line}"
    error = StitchError(
        "does-not-build",
        f"{session.located[0].names[0]} is built at {where} by {function}(...), which may do more "
        "than build a model and is not run",
        where=where,
        hint="Say how the model is built: --build 'Net(...)'",
    )
    return with_offers(session, error)


def with_offers(session: Session, error: StitchError) -> StitchError:
    """The refusal with the constructions of the model that stand in the project, ready to paste."""
    names = set(module_classes(session.syntax))
    found = constructions(session.subject.root, session.file, session.syntax, names)
    found = [offer for offer in found if offer.text not in session.builds]
    # What was asked for may be there, in another file.
    asked = tuple(f":{text}" for text in session.given)
    found = ([offer for offer in found if offer.text.endswith(asked)] or found)[:4]
    if found:
        error.hint = (
            (error.hint or "")
            + ". The project has "
            + ", ".join(f"{offer.text} at {offer.where}" for offer in found)
        )
        error.suggestions += [f"--build '{quoted(offer.text)}'" for offer in found]
    return error


def quoted(text: str) -> str:
    """For single quotes of a shell: the expression's own strings get double ones."""
    return text.replace("'", '"')


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
    if located.variable is not None:
        return resolve_variable(session, located, survey, bench)
    located = in_class_file(located, survey, bench)
    names = [name for name in located.names if name]
    if names and names[0] == "module":
        names = names[1:]  # a path pasted from a DataParallel model
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
            error = failed_build(session, expression, survey.failures[expression])
            raise with_offers(session, error) if error.code == "does-not-build" else error


def failed_build(session: Session, expression: str, error: Mapping[str, Any]) -> StitchError:
    """What one construction failed with, and what to type next."""
    hint = "Pass the construction that your training script uses: --build 'Net(...)'"
    if error["code"] in ("does-not-run", "bad-argument"):
        hint = "Pass the input that the model takes: --input 1x3x224x224"
        if "takes" in error:
            hint += f". Its {error['takes']} gets one --input after the other; 2x16:int64 is of "
            hint += "integers, and a Python expression may be a dict of keyword arguments"
    elif session.left_out:
        lines = ", ".join(str(line) for line, _ in session.left_out[:5])
        hint += f". Only definitions are run; left out were the statements at lines {lines}"
    suggestions = []
    if error["code"] == "not-a-model" and expression.replace(".", "").isidentifier():
        hint = "Call it, with its arguments."
        suggestions = [f"--build '{expression}()'"]
    return StitchError(
        error["code"],
        error["message"],
        where=error.get("where"),
        hint=hint,
        suggestions=suggestions,
    )


def nothing_built(session: Session, survey: Survey) -> StitchError:
    """The first failure, and the constructions that may help."""
    if not survey.failures:
        return no_builds(session)
    if session.unread:
        return may_do_more(session)
    expression, error = next(iter(survey.failures.items()))
    refusal = failed_build(session, expression, error)
    if error["code"] != "does-not-build":
        return refusal
    return with_offers(session, refusal)


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
    return error if session.given else with_offers(session, error)


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
