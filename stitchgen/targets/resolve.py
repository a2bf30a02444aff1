"""Which class and layer a target means, among the configurations that were analysed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stitchgen.analysis.survey import Configuration, LayerInstance, Survey, join
from stitchgen.errors import StitchError
from stitchgen.project.python_files import in_project
from stitchgen.project.workspace import Workspace
from stitchgen.source.syntax import explicit_class
from stitchgen.targets.build_errors import installed_model, nothing_built, quoted
from stitchgen.targets.model import followed
from stitchgen.targets.no_match import no_instance, no_such_layer, suggestions
from stitchgen.targets.scripts import Variable
from stitchgen.targets.surveyed import SurveyedModel
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
    pattern: tuple[str, ...] = ()  # the names below the class by which a `*` found it

    def instances(self, survey: Survey) -> list[LayerInstance]:
        if self.variable is None:
            found = survey.instances(self.class_name, str(self.file), self.path)
        else:
            found = [
                LayerInstance(configuration, "", self.path)
                for configuration in survey.configurations
                if configuration.expression in self.builds and self.path in configuration.layers
            ]
        element = self.located.target.element
        return found if element is None else [replace(one, element=str(element)) for one in found]

    def named(self, workspace: Workspace) -> str:
        """As the report and the ledger name it: `model.py::ResNet.layer2`."""
        target = self.located.target
        suffix = f"@{target.call}" if target.call is not None else ""
        suffix += f"#{target.element}" if target.element is not None else ""
        return f"{workspace.relative(self.file)}::{self.class_name}.{self.path}{suffix}"


def resolve(surveyed: SurveyedModel, located: Located) -> Resolved:
    """The class and path that a located target means, among the configurations that were analysed."""
    survey, workspace = surveyed.survey, surveyed.workspace
    if not survey.configurations:
        raise nothing_built(surveyed.model, survey)
    if located.variable is not None:
        return resolve_variable(surveyed, located)
    located = in_class_file(located, survey, workspace)
    names = meaningful(located, survey, workspace)
    explicit = explicit_class(workspace.syntax(located.file), names)
    if explicit is not None:
        return in_named_class(surveyed, located, *explicit)
    return in_any_class(surveyed, located, ".".join(names))


def meaningful(located: Located, survey: Survey, workspace: Workspace) -> list[str]:
    """The names of a target, without those that only say which model: a DataParallel's `module`, or a
    factory, which stands for the model that it builds."""
    names = [name for name in located.names if name]
    if names and names[0] == "module":
        names = names[1:]
    if names and any(built_by(one.expression) == names[0] for one in survey.configurations):
        if workspace.syntax(located.file).class_named(names[0]) is None:
            names = names[1:]
    return names


def in_named_class(
    surveyed: SurveyedModel, located: Located, class_name: str, path: str
) -> Resolved:
    """A layer of the class that the target names."""
    survey, file = surveyed.survey, str(located.file)
    if not path:
        raise StitchError(
            "target-not-found",
            f"{located.target.text} names a class and no layer",
            hint="Append a layer's path.",
            suggestions=suggestions(surveyed, class_name, "")[:5],
        )
    if found := survey.instances(class_name, file, path):
        check_in_given(surveyed, located, [one.configuration for one in found])
        return Resolved(located, located.file, class_name, path)
    if not any(survey.roots(one, class_name, file) for one in survey.configurations):
        raise no_instance(surveyed, class_name)
    raise no_such_layer(surveyed, class_name, path)


def check_in_given(
    surveyed: SurveyedModel, located: Located, found: Sequence[Configuration]
) -> None:
    """Refuse a layer that none of the constructions that the user named has."""
    given = surveyed.model.subject.given
    # What was read stands for all constructions.
    if not given or surveyed.survey.read or any(one.expression in given for one in found):
        return
    others = ", ".join(dict.fromkeys(one.expression for one in found))
    build = surveyed.survey.build_of(found[0])
    meant = f"--build '{quoted(build)}'" if build is not None else "--build EXPR"
    raise StitchError(
        "target-not-found",
        f"{' and '.join(given)} {'has' if len(given) == 1 else 'have'} no "
        f"{'.'.join(located.names)}, which {others} has",
        where=surveyed.workspace.relative(located.file),
        hint=f"Name the construction that is meant: {meant}; or a layer of the model that was given: "
        "stitchgen layers prints them.",
        suggestions=[meant] if build is not None else [],
    )


def in_any_class(surveyed: SurveyedModel, located: Located, path: str) -> Resolved:
    """A layer of the one class of the file that has such a path: of what is built, else of its parts."""
    survey, workspace, file = surveyed.survey, surveyed.workspace, str(located.file)
    found = {
        about.name: None
        for one in survey.configurations
        if path in one.layers and (about := survey.class_of(one)).file == file
    }
    if not found:
        found = {
            about.name: None
            for about in survey.classes.values()
            if about.file == file and survey.instances(about.name, file, path)
        }
    if len(found) == 1:
        [name] = found
        there = [one.configuration for one in survey.instances(name, file, path)]
        check_in_given(surveyed, located, there)
        return Resolved(located, located.file, name, path)
    shown = workspace.relative(located.file)
    for one in survey.configurations:
        kind = survey.class_of(one)
        if path in one.layers and not in_project(kind.file, workspace.root):
            raise installed_model(shown, one.expression, kind.name, path, one.class_key)
    if not found:
        raise no_such_layer(surveyed, None, path)
    raise StitchError(
        "target-ambiguous",
        f"{len(found)} classes of {shown} have {path}: {', '.join(found)}",
        where=shown,
        suggestions=[f"{shown}::{name}.{path}" for name in found],
    )


def built_by(expression: str) -> str:
    """`resnet18` in `resnet18(num_classes=10)` and `models.resnet:resnet18()`."""
    return expression.partition("(")[0].rpartition(":")[2]


def in_class_file(located: Located, survey: Survey, workspace: Workspace) -> Located:
    """The target in the file of the class that it means: its own may only import and build that."""
    elsewhere = followed(located, workspace)
    if elsewhere.file != located.file:
        return elsewhere
    files = {survey.class_of(one).file for one in survey.configurations}
    if str(located.file) not in files and len(files) == 1:
        if not explicit_class(workspace.syntax(located.file), located.names):
            (file,) = files
            if in_project(file, workspace.root):
                return replace(located, file=Path(file))
    return located


def resolve_variable(surveyed: SurveyedModel, located: Located) -> Resolved:
    """A layer of the model that a variable of the script holds.

    Its class may be the project's own: then that is what is edited.
    """
    model, survey, workspace = surveyed.model, surveyed.survey, surveyed.workspace
    variable, path = located.variable, ".".join(located.names)
    assert variable is not None and model.script is not None
    built = [one for one in survey.configurations if model.builds_variable(one)]
    own = [one for one in built if path in one.layers]
    # The model may have a child of the variable's name, as a LightningModule has: `self.model`.
    within = join(variable, path)
    inside = [one for one in survey.configurations if within in one.layers]
    if own and inside:
        raise variable_or_child(surveyed, located, (own[0], path), (inside[0], within))
    if inside:
        names = (variable, *located.names)
        return resolve(surveyed, replace(located, names=names, variable=None))
    if not own:
        if not built:
            raise nothing_built(model, survey)
        raise no_such_layer(surveyed, None, path)
    about = survey.class_of(own[0])
    if in_project(about.file, workspace.root):
        return Resolved(located, Path(about.file), about.name, path)
    part = part_of_project(own, path, survey, workspace)
    if part is not None:
        return Resolved(located, *part)
    assignment = only_assignment(surveyed, located, own)
    builds = tuple(one.expression for one in own)
    return Resolved(located, located.file, variable, path, variable, builds, assignment)


def variable_or_child(
    surveyed: SurveyedModel,
    located: Located,
    *meanings: tuple[Configuration, str],
) -> StitchError:
    """That a name can be the script's variable, or a child of the model."""
    survey, script = surveyed.survey, surveyed.model.script
    assert script is not None
    (_, path), (inside, within) = meanings
    shown = surveyed.workspace.relative(located.file)
    return StitchError(
        "target-ambiguous",
        f"{located.target.text!r} can be {path} of the variable {located.variable}, and {within} of "
        f"{survey.class_of(inside).name}",
        where=f"{shown}:{script.variables[0].line}",
        suggestions=[f"{shown}::{survey.class_of(one).name}.{name}" for one, name in meanings],
    )


def only_assignment(
    surveyed: SurveyedModel, located: Located, own: Sequence[Configuration]
) -> Variable:
    """The one assignment of the script that builds all these configurations."""
    script = surveyed.model.script
    assert script is not None
    known = {one.expression: one for one in script.variables}
    made = {known.get(one.expression, script.variables[-1]) for one in own}
    lines = sorted(one.line for one in made)
    if len(lines) > 1:
        shown = surveyed.workspace.relative(located.file)
        raise StitchError(
            "configuration-dependent",
            f"{located.variable} is built in {len(lines)} places, {shown}:"
            + f" and {shown}:".join(map(str, lines)),
            where=f"{shown}:{lines[0]}",
            hint="Name the one that you use: --build EXPR",
            suggestions=[f"--build '{quoted(one.expression)}'" for one in own],
        )
    return made.pop()


def part_of_project(
    built: Sequence[Configuration], path: str, survey: Survey, workspace: Workspace
) -> tuple[Path, str, str] | None:
    """File, class and path of a module of the project, of which there is one, that has the layer."""
    root = path
    while "." in root:
        root = root.rpartition(".")[0]
        about = survey.class_of(built[0], root)
        if in_project(about.file, workspace.root):
            rest = path[len(root) + 1 :]
            if len(survey.instances(about.name, about.file, rest)) == len(built):
                return Path(about.file), about.name, rest
    return None
