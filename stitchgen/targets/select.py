"""Which layers a target selects: one, all that a pattern matches, all of a class.

`--every nn.ReLU` takes what `isinstance` would take, below the layers that the target names, or in
the whole model. Where every instance of a class in the project is meant in the same way, the class
is the target, so that one edit serves them all.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from stitchgen.analysis.survey import Configuration, Survey, join
from stitchgen.errors import StitchError
from stitchgen.history import ledger
from stitchgen.project.python_files import in_project
from stitchgen.project.workspace import Workspace
from stitchgen.source.syntax import Syntax, explicit_class
from stitchgen.source.tree import nodes_in
from stitchgen.targets.adoption import OFFER, adoption
from stitchgen.targets.build_errors import no_builds, nothing_built
from stitchgen.targets.no_match import no_such_layer
from stitchgen.targets.request import SpliceRequest
from stitchgen.targets.resolve import Resolved, in_class_file, resolve
from stitchgen.targets.surveyed import SurveyedModel
from stitchgen.targets.target import Located

#: An element as Python writes it, `layer2[0]`, where a path has `layer2.0`.
INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Selected:
    """The targets in the order of the model, and the layers of the class that are never called."""

    targets: list[Resolved]
    never_called: list[str] = field(default_factory=list)


def select(surveyed: SurveyedModel, request: SpliceRequest, located: Located) -> Selected:
    """All layers that a target means."""
    survey = surveyed.survey
    if survey.read and not survey.configurations and located.names:
        name, path = explicit_class(surveyed.model.syntax, located.names) or (None, "")
        raise no_such_layer(surveyed, name, path or ".".join(located.names))
    if not survey.configurations:
        raise nothing_built(surveyed.model, survey)
    if request.every is not None:
        return Selection(surveyed, request, located).selected()
    if any(set(name) & set("*?[") for name in located.names):
        return Selected(matching(surveyed, located))
    return Selected([resolve(surveyed, located)])


def matching(surveyed: SurveyedModel, located: Located) -> list[Resolved]:
    """The layers that a pattern matches in any configuration: `layer[1-4]`, `layer3.*.bn2`."""
    survey, workspace = surveyed.survey, surveyed.workspace
    located, explicit = meant(surveyed, located)
    file = str(located.file)
    pattern = tuple((explicit[1] if explicit else ".".join(located.names)).split("."))
    own = Inserted.of(workspace)
    found: dict[str, dict[str, None]] = {}
    for configuration in survey.configurations:
        name = explicit[0] if explicit else survey.class_of(configuration).name
        for root in survey.roots(configuration, name, file) if explicit else [""]:
            for path in configuration.below(root):
                if matches(pattern, path.split(".")) and not own.around(
                    survey, configuration, join(root, path)
                ):
                    found.setdefault(name, {})[path] = None
    if len(found) == 1:
        [(name, paths)] = found.items()
        return [Resolved(located, located.file, name, path, pattern=pattern) for path in paths]
    text, shown = located.target.text, workspace.relative(located.file)
    if explicit is not None and not any(
        survey.roots(one, explicit[0], file) for one in survey.configurations
    ):
        raise no_builds(surveyed.model)
    if not found:
        raise StitchError(
            "target-not-found",
            f"{text!r} matches no layer {looked_in(survey)}",
            where=shown,
            hint="stitchgen layers prints all targets of a model; * stands for one name of a path.",
            suggestions=[dotted] if (dotted := INDEX.sub(r".\1", text)) != text else [],
        )
    raise StitchError(
        "target-ambiguous",
        f"{text!r} matches layers of {len(found)} classes: {', '.join(found)}",
        where=shown,
        suggestions=[f"{shown}::{name}.{'.'.join(pattern)}" for name in found],
    )


def meant(surveyed: SurveyedModel, located: Located) -> tuple[Located, tuple[str, str] | None]:
    """The target in the file of its class, and the class with the rest of the names, if it is known.

    The variable of a script stands for the class of the project that it holds.
    """
    model, survey, workspace = surveyed.model, surveyed.survey, surveyed.workspace
    if located.variable is None:
        located = in_class_file(located, survey, workspace)
        return located, explicit_class(workspace.syntax(located.file), located.names)
    built = [one for one in survey.configurations if model.builds_variable(one)]
    if not built:
        raise nothing_built(model, survey)
    about = survey.class_of(built[0])
    if not in_project(about.file, workspace.root):
        shown = workspace.relative(located.file)
        raise StitchError(
            "installed-package",
            f"{located.variable} is a {about.name} of an installed package, whose layers can only "
            "be named one by one",
            where=shown,
            hint=f"Name them: --after {shown}::{located.variable}.LAYER "
            f"--attach; stitchgen layers prints them. {OFFER}",
            suggestions=adoption(built[0].class_key, shown),
        )
    return replace(located, file=Path(about.file)), (about.name, ".".join(located.names))


@dataclass(frozen=True)
class Inserted:
    """The blocks that earlier runs put into the project's models.

    A pattern means the layers that the model has of its own, and `--every` those that are not part
    of a block: the same command would else find more to do each time.
    """

    attributes: frozenset[str]
    files: frozenset[str]

    @classmethod
    def of(cls, workspace: Workspace) -> Inserted:
        records = [entry.record for entry in ledger.load(workspace.root).entries]
        return cls(
            frozenset(record.attribute.rpartition(".")[2] for record in records),
            frozenset(str(workspace.root / path) for record in records for path in record.uses),
        )

    def around(self, survey: Survey, configuration: Configuration, path: str) -> bool:
        """Whether a module is such a block, or lies in one."""
        names = path.split(".")
        for depth, name in enumerate(names, 1):
            if name in self.attributes:
                if survey.class_of(configuration, ".".join(names[:depth])).file in self.files:
                    return True
        return False


def matches(pattern: Sequence[str], names: Sequence[str]) -> bool:
    return len(pattern) == len(names) and all(map(fnmatchcase, names, pattern))


def looked_in(survey: Survey) -> str:
    return "(looked in " + ", ".join(c.expression for c in survey.configurations[:4]) + ")"


class Selection:
    """`--every CLASS [--where K=V]` under one target, in all configurations."""

    def __init__(self, surveyed: SurveyedModel, request: SpliceRequest, located: Located):
        self.request, self.syntax = request, surveyed.model.syntax
        self.survey, self.workspace = surveyed.survey, surveyed.workspace
        self.located, self.explicit = meant(surveyed, located)
        assert request.every is not None
        self.every = request.every
        self.where = {key: value_of(text) for key, text in request.where.items()}

    def selected(self) -> Selected:
        class_name, bases = self.bases()
        own = Inserted.of(self.workspace)
        under = [
            (configuration, path)
            for configuration, base in bases
            for path in configuration.layers
            if path == base or not base or path.startswith(base + ".")
            if not configuration.layers[path].same_as
            if not own.around(self.survey, configuration, path.rpartition(".")[0])
        ]
        of_class = [one for one in under if self.is_wanted_class(*one)]
        if not of_class:
            raise self.no_such_class(under)
        kinds = {configuration.class_at(path) for configuration, path in of_class}
        self.check_one_class(kinds)
        chosen = [one for one in of_class if self.has_values(*one)]
        if not chosen:
            raise self.no_such_value(of_class)
        called = [(one, path) for one, path in chosen if one.layers[path].times]
        if not called:
            raise self.never_called(chosen)
        names = dict.fromkeys(path for _, path in chosen if path not in {p for _, p in called})
        return Selected(self.folded(class_name, called), list(names))

    def bases(self) -> tuple[str, list[tuple[Configuration, str]]]:
        """The class that the target is of, and the modules it names: `''` is the model itself."""
        names = self.located.names
        file = str(self.located.file)
        explicit = self.explicit
        class_name = explicit[0] if explicit else self.root_class()
        pattern = explicit[1] if explicit else ".".join(names)
        found = []
        for configuration in self.survey.configurations:
            for root in self.survey.roots(configuration, class_name, file):
                if not pattern:
                    found.append((configuration, root))
                for path in configuration.below(root) if pattern else ():
                    if matches(pattern.split("."), path.split(".")):
                        found.append((configuration, join(root, path)))
        if not found:
            raise StitchError(
                "target-not-found",
                f"{self.located.target.text!r} names nothing {looked_in(self.survey)}",
                where=self.workspace.relative(self.located.file),
                hint="--every takes the layers of a class in a model or in a part of it, as in "
                f"--after {self.workspace.relative(self.located.file)}::{class_name}",
            )
        return class_name, found

    def root_class(self) -> str:
        """The one class of the file that is built and is no part of another model there."""
        survey, file = self.survey, str(self.located.file)
        built = {
            survey.class_of(one).name: one.class_key
            for one in survey.configurations
            if survey.class_of(one).file == file
        }
        parts = {layer.class_key for one in survey.configurations for layer in one.layers.values()}
        roots = [name for name, key in built.items() if key not in parts]
        if len(roots) == 1:
            return roots[0]
        path = self.workspace.relative(self.located.file)
        text = self.located.target.text
        rest = "".join(f".{name}" for name in self.located.names)
        raise StitchError(
            "target-ambiguous",
            f"{text!r} can mean {len(roots)} models of {path}: {', '.join(roots)}",
            where=path,
            suggestions=[f"{path}::{name}{rest}" for name in roots],
        )

    def is_wanted_class(self, configuration: Configuration, path: str) -> bool:
        key = configuration.class_at(path)
        return any(map(self.names_class, self.survey.lineage(key)))

    def names_class(self, key: str) -> bool:
        """Whether `nn.ReLU`, as the model file would write it, is the class of that key."""
        module, _, name = key.partition(":")
        prefix, _, last = self.every.rpartition(".")
        if name == self.every or not prefix:
            return name == self.every
        origin = origin_of(self.syntax, prefix)
        return name == last and (module == origin or module.startswith(origin + "."))

    def check_one_class(self, kinds: set[str]) -> None:
        """Refuse a bare name that two unrelated classes of the model have."""
        keys = sorted(
            {
                candidate
                for kind in kinds
                for candidate in self.survey.lineage(kind)
                if self.names_class(candidate)
            }
        )
        if len(keys) > 1:
            raise StitchError(
                "target-ambiguous",
                f"--every {self.every} can mean {' and '.join(key.replace(':', '.') for key in keys)}",
                hint="Name the class with its module.",
                suggestions=[f"--every {key.replace(':', '.')}" for key in keys],
            )

    def has_values(self, configuration: Configuration, path: str) -> bool:
        attributes = configuration.layers[path].attributes
        return all(
            name in attributes and same(attributes[name], value)
            for name, value in self.where.items()
        )

    def folded(
        self, class_name: str, chosen: Sequence[tuple[Configuration, str]]
    ) -> list[Resolved]:
        """The chosen layers as targets: by their class where all of its instances are chosen."""
        wanted = {(id(configuration), path) for configuration, path in chosen}
        found: dict[Resolved, None] = {}
        for configuration, path in chosen:
            target = self.of_a_class(configuration, path, wanted)
            if target is None:
                roots = self.survey.roots(configuration, class_name, str(self.located.file))
                root = max((r for r in roots if not r or path.startswith(r + ".")), key=len)
                rest = path[len(root) :].lstrip(".")
                target = Resolved(self.located, self.located.file, class_name, rest)
            found[target] = None
        return list(found)

    def of_a_class(
        self, configuration: Configuration, path: str, wanted: set[tuple[int, str]]
    ) -> Resolved | None:
        """The innermost class of the project that calls the layer, if all of it is chosen."""
        survey = self.survey
        owners = {site.owner for site in configuration.layers[path].sites}
        root = path
        while root:
            root = root.rpartition(".")[0]
            about = survey.class_of(configuration, root)
            if not in_project(about.file, self.workspace.root):
                continue
            if not all(owner is not None and is_at(owner, root) for owner in owners):
                continue
            rest = path[len(root) :].lstrip(".")
            called = [
                one for one in survey.instances(about.name, about.file, rest) if one.facts.times
            ]
            if all((id(one.configuration), one.path) in wanted for one in called):
                return Resolved(self.located, Path(about.file), about.name, rest)
            return None
        return None

    def never_called(self, chosen: Sequence[tuple[Configuration, str]]) -> StitchError:
        names = dict.fromkeys(path for _, path in chosen)
        return StitchError(
            "never-called",
            f"no {self.every} under {self.located.target.text} is ever called: "
            + ", ".join(list(names)[:6]),
            where=self.workspace.relative(self.located.file),
            hint="No call was seen in eval and in train; another module uses what they hold.",
        )

    def no_such_class(self, under: Iterable[tuple[Configuration, str]]) -> StitchError:
        kinds = dict.fromkeys(c.class_at(path).rpartition(":")[2] for c, path in under)
        return StitchError(
            "target-not-found",
            f"no layer under {self.located.target.text} is a {self.every} {looked_in(self.survey)}",
            where=self.workspace.relative(self.located.file),
            hint="The classes there are: " + (", ".join(sorted(kinds)) or "none"),
            suggestions=[f"--every {kind}" for kind in near(self.every, kinds)],
        )

    def no_such_value(self, of_class: Sequence[tuple[Configuration, str]]) -> StitchError:
        said = " and ".join(f"{name}={text}" for name, text in self.request.where.items())
        tables = [configuration.layers[path].attributes for configuration, path in of_class]
        lines = []
        for name, value in self.where.items():
            there = [table[name] for table in tables if name in table]
            if not there:
                known = {key: None for table in tables for key in table}
                lines.append(
                    f"{self.every} has no {name}; it has " + (", ".join(known) or "no values")
                )
            elif not any(same(other, value) for other in there):
                values = dict.fromkeys(f"{name}={shown(value)}" for value in there)
                lines.append("There are " + ", ".join(list(values)[:8]))
        return StitchError(
            "target-not-found",
            f"none of the {len({path for _, path in of_class})} layers of class {self.every} "
            f"under {self.located.target.text} has {said} {looked_in(self.survey)}",
            where=self.workspace.relative(self.located.file),
            hint=". ".join(lines) or "Each value is there, but no layer has all of them.",
        )


def is_at(path: str, root: str) -> bool:
    """Whether a module is the one at `root` or below it."""
    return not root or path == root or path.startswith(root + ".")


def value_of(text: str) -> Any:
    """`3`, `(3, 1)`, `False`, `None`; all else is a text: `padding_mode=zeros`."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def same(attribute: Any, value: Any) -> bool:
    """Whether a layer's attribute is the value; `3` stands for `(3, 3)` as in the constructor."""
    if isinstance(attribute, (list, tuple)):
        if isinstance(value, (list, tuple)):
            return list(attribute) == list(value)
        return bool(attribute) and all(same(item, value) for item in attribute)
    if isinstance(attribute, bool) or isinstance(value, bool):
        return attribute is value
    return bool(attribute == value)


def shown(value: Any) -> str:
    """A value as `--where` takes it."""
    if isinstance(value, tuple):
        equal = all(item == value[0] for item in value[1:])
        return str(value[0]) if value and equal else str(value)
    return str(value)


def origin_of(syntax: Syntax, prefix: str) -> str:
    """`torch.nn` for the `nn` of the file, by its imports."""
    head, dot, rest = prefix.partition(".")
    for node in nodes_in(syntax.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname == head:
                    return alias.name + dot + rest
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == head:
                    return f"{node.module}.{alias.name}{dot}{rest}"
    return f"torch.{prefix}" if head == "nn" else prefix


def near(text: str, kinds: Iterable[str]) -> list[str]:
    return get_close_matches(text.rpartition(".")[2], list(kinds), n=3, cutoff=0.5)
