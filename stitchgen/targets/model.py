"""The model file of a request: which file it is, and how its model is built, fed and run.

Factories and classes of the file, the configuration, `--build`: which of them, and in which file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stitchgen.analysis import factories, import_safety
from stitchgen.analysis.scope import imported_names
from stitchgen.analysis.subject import Subject, interpreter
from stitchgen.analysis.survey import Configuration
from stitchgen.errors import StitchError
from stitchgen.project.config import ModelConfig, Project
from stitchgen.project.modules import ImportName, as_named, files_beside
from stitchgen.project.python_files import in_project
from stitchgen.project.workspace import Workspace
from stitchgen.source.syntax import Syntax, module_classes
from stitchgen.targets.build_offers import constructions
from stitchgen.targets.constructions_alike import relatives_of
from stitchgen.targets.files_alike import with_other_files
from stitchgen.targets.left_out import files_of_builds, lines_left_out, names_in, names_taken
from stitchgen.targets.request import SpliceRequest
from stitchgen.targets.scripts import Script, assigned_calls, class_of_variable, read_script
from stitchgen.targets.target import Located, locate, parse

#: More factories than this are not tried; the report names those left.
MOST_BUILDS = 40
#: How many are tried beside those that the user names.
MOST_OTHERS = 4
#: And so many of the project's configuration files, those least like each other: they may be of any size.
MOST_FILES = 3


@dataclass(frozen=True)
class RunOptions:
    """How the user wants the model to be built, fed and run: `--build`, `--input`, `--input-train`, `--python`."""

    builds: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    python: str | None = None
    inputs_train: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetModel:
    """The model file of a request, the layers that are asked for, and what runs the model."""

    located: tuple[Located, ...]
    syntax: Syntax
    import_name: ImportName
    subject: Subject
    left_out: tuple[tuple[int, int], ...]  # lines of the file that are not run
    with_: tuple[Located, ...] = ()  # the further layers that a block reads
    into: Located | None = None  # the one reader that gets its output
    script: Script | None = None  # where the targets name a variable
    unread: tuple[tuple[int, str], ...] = ()  # assignments of that name that may do more than build

    @property
    def file(self) -> Path:
        return self.subject.file

    def builds_variable(self, configuration: Configuration) -> bool:
        """Whether a configuration is the model that the script's variable holds."""
        known = self.subject.script or {"builds": {}}
        return configuration.expression in known["builds"]

    def behind_variable(self, located: Located) -> Located:
        """The target without the script's variable that it begins with, if it does."""
        if self.script is None or located.names[:1] != (self.script.name,):
            return located
        return replace(located, names=located.names[1:], variable=self.script.name)


def model_of_request(project: Project, request: SpliceRequest, workspace: Workspace) -> TargetModel:
    """The model file of a request, with all layers that it names."""
    models = project.configured_targets
    whole = request.every is not None
    folders = project.search_folders
    located = tuple(
        locate(parse(text, whole=whole), folders, models, whole=whole) for text in request.targets
    )
    with_ = tuple(locate(parse(text), folders, models) for text in request.with_)
    into = None if request.into is None else locate(parse(request.into), folders, models)
    if not request.prove:
        located = tuple(behind_name(one, workspace) for one in located)
        with_ = tuple(behind_name(one, workspace) for one in with_)
        into = into and behind_name(into, workspace)
    options = RunOptions(request.builds, request.inputs, request.python, request.inputs_train)
    model = target_model(project, located, options, workspace)
    if located[0].file != model.file:
        with_ = tuple(followed(one, workspace) for one in with_)
        into = into and followed(into, workspace)
    for other in (*with_, into):
        if other is not None and other.file != model.file:
            raise StitchError(
                "target-ambiguous",
                f"{other.target.text} is in {workspace.relative(other.file)}, the target in "
                f"{workspace.relative(model.file)}: they have no forward in common",
                where=workspace.relative(other.file),
            )
    with_ = tuple(model.behind_variable(one) for one in with_)
    into = into and model.behind_variable(into)
    return replace(model, with_=with_, into=into)


def model_named(
    project: Project, text: str, options: RunOptions, workspace: Workspace, *, run: bool = True
) -> TargetModel:
    """A MODEL: a file, a module, a configured name, with or without its class.

    A script that defines no model is asked for the one that it keeps in a variable.
    """
    target = parse(text, whole=True)
    located = locate(target, project.search_folders, project.configured_targets, whole=True)
    if not located.names:
        located = kept_in_variable(located, workspace)
    if not run:
        located = behind_name(located, workspace)
    return target_model(project, (located,), options, workspace)


def target_model(
    project: Project, located: tuple[Located, ...], options: RunOptions, workspace: Workspace
) -> TargetModel:
    """Find and parse the model file, and determine how its model is built."""
    located, configured = in_building_file(project, located, options, workspace)
    file = located[0].file
    syntax = workspace.syntax(file)
    name = imported_as(file, workspace)
    named = scripted(located, syntax, file, name)
    script = named if named is not None and named.variables else None
    given = options.builds or (configured.build if configured else ())
    alike = [one for text in given for one in relatives_of(syntax, text)][:MOST_OTHERS]
    folders = run_from(file, workspace)
    found = found_builds(workspace, syntax, file)
    files = [
        one
        for text in given or of_classes(found, {one.names[0] for one in located if one.names})
        for one in with_other_files(syntax, text, folders, project.root, MOST_FILES)
    ][:MOST_FILES]
    own = constructions_beside(project.root, file, syntax, given)[:MOST_OTHERS]
    relatives = tuple(dict.fromkeys((*alike, *(files if given else ()), *own)))
    builds = builds_to_try(given, script, (*found, *files))
    builds = tuple(dict.fromkeys((*given, *relatives, *builds)))
    inputs = options.inputs or (configured.input if configured else ())
    builders = files_of_builds(builds, files_beside(file, *name.paths))
    wanted = {name for text in (*builds, *inputs, *options.inputs_train) for name in names_in(text)}
    wanted |= names_taken(file, builders, project.root, name.paths)
    left_out = import_safety.left_out(syntax.tree, wanted)
    subject = Subject(
        file=file,
        module=name.module,
        paths=name.paths,
        root=project.root,
        left_out=lines_left_out(syntax.tree, file, left_out, builders, project.root, name.paths),
        script=script.as_request(given) if script else None,
        python=interpreter(options.python, project.python, project.root),
        builds=builds,
        given=given,
        relatives=relatives,
        inputs=inputs,
        inputs_train=options.inputs_train,
        folders=run_from(file, workspace),
        base=workspace.base,
    )
    model = TargetModel(
        located=located,
        syntax=syntax,
        import_name=name,
        subject=subject,
        left_out=tuple(lines for lines in left_out if not script or lines[0] not in script.lines),
        script=script,
        unread=named.unread if named is not None and script is None else (),
    )
    located = tuple(model.behind_variable(one) for one in located)
    subject = replace(subject, names=tuple(one.names for one in located))
    return replace(model, located=located, subject=subject)


def of_classes(builds: Sequence[str], names: set[str]) -> list[str]:
    """The constructions of these classes, else all of them."""
    return [one for one in builds if one.partition("(")[0] in names] or list(builds)


def constructions_beside(
    root: Path, file: Path, syntax: Syntax, given: tuple[str, ...]
) -> list[str]:
    """The constructions with literal arguments that the project has of what the user's own construct."""
    names = {name for text in given for name in names_in(text)} & set(syntax.top_level_names)
    if not names:
        return []
    offers = [one.text for one in constructions(root, file, syntax, names)]
    plain = [one for one in offers if ":" not in one.partition("(")[0] and "..." not in one]
    return [one for one in plain if one not in given]


def imported_as(file: Path, workspace: Workspace) -> ImportName:
    """The name under which the project imports its model file, with the folders first on the path."""
    ways = workspace.ways_into(file)
    imported = [way for way in ways if not way.itself and not way.by_path]
    # What is only run by its path need not lie on the search path of what runs it.
    ways = imported or [way for way in ways if not way.by_path] or [workspace.likely_way_into(file)]
    way = ways[0]
    further = [workspace.root, workspace.root / "src"]
    paths = dict.fromkeys((*way.paths, *(folder for folder in further if folder.is_dir())))
    package = way.module if file.stem == "__init__" else way.package
    return ImportName(way.module, tuple(paths), package)


def run_from(file: Path, workspace: Workspace) -> tuple[Path, ...]:
    """The folders that the project is run from, the likeliest first: a relative path is one of theirs."""
    scripts = [
        workspace.root / importer
        for way in workspace.ways_into(file)
        for importer in way.importers
        if importer.endswith(".py")
    ]
    folders = (workspace.root, *(script.parent for script in scripts), file.parent)
    return tuple(dict.fromkeys(folders))


def in_building_file(
    project: Project, located: tuple[Located, ...], options: RunOptions, workspace: Workspace
) -> tuple[tuple[Located, ...], ModelConfig | None]:
    """The targets in the file that builds the model, and what is configured of it: the file that was
    named, or the one that defines the class, which the named one may only import."""
    defined = tuple(followed(one, workspace) for one in located)
    for other in defined[1:]:
        if other.file != defined[0].file:
            raise StitchError(
                "target-ambiguous",
                f"the targets are in two files, {workspace.relative(defined[0].file)} and "
                f"{workspace.relative(other.file)}",
                hint="Run the command once for each file.",
            )
    named, defining = located[0].file, defined[0].file
    class_name = defined[0].names[0] if defined[0].names else ""
    configured = configured_model(project, named)
    known = options.builds or (configured.build if configured else ())
    together = all(one.file == named for one in located)
    if together and is_built_by(named, defining, class_name, known, project, workspace):
        return located, configured
    return defined, configured_model(project, defining)


def builds_to_try(
    given: tuple[str, ...], script: Script | None, found: tuple[str, ...]
) -> tuple[str, ...]:
    """The constructions given, those of the script's variable, and others of the file, which keep the
    expressions general."""
    made = tuple(one.expression for one in script.variables) if script and not given else ()
    others = found[: MOST_OTHERS if given or made else MOST_BUILDS]
    return tuple(dict.fromkeys((*given, *made, *others)))


def is_built_by(
    named: Path,
    defining: Path,
    class_name: str,
    builds: Sequence[str],
    project: Project,
    workspace: Workspace,
) -> bool:
    """Whether it is the file named, not the one that defines the class, that builds the model.

    Of a class that a training script imports, the file that defines it is enough: the script need
    not be run.
    """
    if named == defining:
        return True
    own, other = workspace.syntax(named), workspace.syntax(defining)
    for text in builds:
        names = names_in(text)
        if not names <= other.top_level_names and names <= own.top_level_names:
            return True
    if builds or class_name in factories.configurations(other.tree, other.document.text):
        return False
    return bool(found_builds(workspace, own, named))


def followed(located: Located, workspace: Workspace) -> Located:
    """The target in the file that defines its class, where its own file only imports that."""
    root = workspace.root
    for _ in range(8):
        if not located.names:
            return located
        syntax = workspace.syntax(located.file)
        imports = {
            bound: origin for node in syntax.tree.body for bound, origin in imported_names(node)
        }
        origin = imports.get(located.names[0])
        if origin is None or syntax.class_named(located.names[0]) is not None:
            return located
        module, _, name = origin.rpartition(".")
        if origin.startswith(".") and not module.strip("."):
            module = origin[: len(origin) - len(name)]
        found = files_beside(located.file, root, root / "src")(module)
        if found is None or not in_project(found[0], root) or found[0] == located.file:
            return located
        located = replace(located, file=found[0], names=(name, *located.names[1:]))
    return located


def kept_in_variable(located: Located, workspace: Workspace) -> Located:
    """The target with the one variable of a script, without classes of its own, that holds a model."""
    syntax = workspace.syntax(located.file)
    if module_classes(syntax):
        return located
    names = variables_of_models(located, workspace)
    return replace(located, names=tuple(names)) if len(names) == 1 else located


def variables_of_models(located: Located, workspace: Workspace) -> list[str]:
    """The variables of a script that hold a model of a class of the project."""
    syntax = workspace.syntax(located.file)
    return [
        name
        for name in assigned_calls(syntax.tree)
        for class_ in [behind_name(replace(located, names=(name,)), workspace)]
        if class_.names[0] != name and is_model(followed(class_, workspace), workspace)
    ]


def is_model(located: Located, workspace: Workspace) -> bool:
    return located.names[0] in module_classes(workspace.syntax(located.file))


def behind_name(located: Located, workspace: Workspace) -> Located:
    """The target by the class of the project that builds the script's variable with which it begins."""
    syntax = workspace.syntax(located.file)
    script = scripted((located,), syntax, located.file, imported_as(located.file, workspace))
    called = script and class_of_variable(script)
    if not called:
        return located
    named = replace(located, names=(called, *located.names[1:]))
    return named if is_model(followed(named, workspace), workspace) else located


def scripted(
    located: tuple[Located, ...], syntax: Syntax, file: Path, name: ImportName
) -> Script | None:
    """The variable of the file that all targets begin with, if there is one."""
    first = {one.names[0] if one.names else None for one in located}
    variable = first.pop()
    if first or variable is None:
        return None
    files = files_beside(file, *name.paths)
    return read_script(syntax.tree, syntax.document.text, variable, files)


def configured_model(project: Project, file: Path) -> ModelConfig | None:
    """What the configuration says of the model in a file."""
    for model in project.models.values():
        if names_file(model.target, file, project.search_folders):
            return model
    return None


def names_file(target: str, file: Path, folders: Sequence[Path]) -> bool:
    name = parse(target, whole=True).file
    return name is not None and any(as_named(folder / name) == file for folder in folders)


def found_builds(workspace: Workspace, syntax: Syntax, file: Path) -> tuple[str, ...]:
    """The constructions that reading finds in the file: factories, and classes without arguments."""
    text = syntax.document.text
    found = factories.configurations(syntax.tree, text)
    if not found:
        files = files_beside(file, *imported_as(file, workspace).paths)
        found = factories.factories(syntax.tree, text, files, imported=True)
    return tuple(dict.fromkeys(text for texts in found.values() for text in texts))
