"""All configurations of a model that were analysed, with their layers, and what follows from them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from stitchgen.analysis.layer_facts import (
    UNKNOWN,
    CallSite,
    ClassFacts,
    Failure,
    Feature,
    LayerFacts,
    Side,
)
from stitchgen.analysis.steps import Kind, Step
from stitchgen.analysis.variants import Variant

CONTAINERS: dict[str, Kind] = {
    "torch.nn.modules.container:Sequential": "sequential",
    "torch.nn.modules.container:ModuleList": "list",
    "torch.nn.modules.container:ModuleDict": "dict",
}
SEQUENTIAL = "torch.nn.modules.container:Sequential"


@dataclass(frozen=True)
class Configuration:
    """One way to build the model, and its layers by path."""

    expression: str
    class_key: str
    layers: Mapping[str, LayerFacts]
    parameters: int = 0
    input: str = ""

    def class_at(self, path: str) -> str:
        return self.layers[path].class_key if path else self.class_key

    def own_name(self, path: str) -> str:
        """The first of the names that the module at a path has."""
        return self.layers[path].same_as or path

    def other_names(self, path: str) -> list[str]:
        """Where else the same module is a child: of another module, or by another name."""

        def place(one: str) -> tuple[str, str]:
            parent, _, name = one.rpartition(".")
            return self.own_name(parent) if parent else "", name

        own = self.own_name(path)
        return [
            other
            for other in self.layers
            if self.own_name(other) == own and place(other) != place(path)
        ]

    def children(self, path: str) -> list[str]:
        prefix = path + "." if path else ""
        return [
            other[len(prefix) :]
            for other in self.layers
            if other.startswith(prefix) and "." not in other[len(prefix) :]
        ]

    def below(self, path: str) -> list[str]:
        """The paths of all layers under a module, relative to it."""
        prefix = path + "." if path else ""
        return [other[len(prefix) :] for other in self.layers if other.startswith(prefix)]


@dataclass(frozen=True)
class LayerInstance:
    """A target's layer in one configuration, below one instance of the target's class."""

    configuration: Configuration
    root: str  # path of that instance; "" for the model itself
    path: str
    element: str | None = None  # of what the layer gives

    @property
    def facts(self) -> LayerFacts:
        return self.configuration.layers[self.path]

    def feature(self, side: Side, call: int | None = None) -> Feature:
        """What the layer gives or is fed at one of its calls, else at the first."""
        by_call = self.features(side)
        return by_call[min((call or 1) - 1, len(by_call) - 1)]

    def features(self, side: Side) -> Sequence[Feature]:
        """The same by call, at least one."""
        facts = self.facts
        if self.element is not None and side == "output":
            return facts.elements.get(self.element) or [UNKNOWN]
        return [getattr(call, side) for call in facts.features] or [UNKNOWN]


@dataclass(frozen=True)
class Survey:
    """The configurations that were built and run (or read), their classes, the failures of the others."""

    configurations: Sequence[Configuration]
    classes: Mapping[str, ClassFacts]
    failures: Mapping[str, Failure] = field(default_factory=dict)
    read: bool = False  # the model was not run: what is not here may be there all the same
    notes: Sequence[str] = ()  # what was not as it is in the project
    #: Configurations that nobody may build, in which one argument of another is changed, by expression.
    variants: Mapping[str, Variant] = field(default_factory=dict)

    def only(self, expressions: Sequence[str]) -> Survey:
        """The survey as if only these configurations had been built."""
        kept = [one for one in self.configurations if one.expression in expressions]
        variants = {name: one for name, one in self.variants.items() if name in expressions}
        return replace(self, configurations=kept, variants=variants)

    def with_variants(self, variants: Iterable[Variant], other: Survey) -> Survey:
        """With those variants of its configurations that another survey could build and run."""
        built = {one.expression for one in other.configurations}
        return replace(
            self,
            configurations=[*self.configurations, *other.configurations],
            classes={**self.classes, **other.classes},
            variants={one.name: one for one in variants if one.name in built},
        )

    def with_more(self, other: Survey) -> Survey:
        """With the configurations of another survey as well."""
        return replace(
            self,
            configurations=[*self.configurations, *other.configurations],
            classes={**self.classes, **other.classes},
            notes=list(dict.fromkeys((*self.notes, *other.notes))),
        )

    def build_of(self, configuration: Configuration) -> str | None:
        """What `--build` takes for a configuration; None for a variant that no expression gives."""
        variant = self.variants.get(configuration.expression)
        return configuration.expression if variant is None else variant.expression

    def without_variants(self) -> Survey:
        kept = [one for one in self.configurations if one.expression not in self.variants]
        return replace(self, configurations=kept, variants={})

    @property
    def modules(self) -> dict[str, str]:
        """The dotted names under which the files of the classes were imported."""
        return {
            about.file: key.partition(":")[0] for key, about in self.classes.items() if about.file
        }

    def class_of(self, configuration: Configuration, path: str = "") -> ClassFacts:
        """The class of the module at a path; of the model itself without one."""
        return self.classes[configuration.class_at(path)]

    def lineage(self, key: str) -> tuple[str, ...]:
        """The keys of a class and its bases."""
        return (key, *self.classes[key].bases)

    def is_kind(self, key: str, class_name: str, file: str) -> bool:
        """Whether a class is, or inherits, the class of that name written in that file."""
        for candidate in self.lineage(key):
            about = self.classes.get(candidate)
            if about and about.name == class_name and about.file == file:
                return True
        return False

    def roots(self, configuration: Configuration, class_name: str, file: str) -> list[str]:
        """Paths of the instances of a class; those inside of another instance count too."""
        return [
            path
            for path in ("", *configuration.layers)
            if self.is_kind(configuration.class_at(path), class_name, file)
            and not (path and configuration.layers[path].same_as)
        ]

    def instances(self, class_name: str, file: str, path: str) -> list[LayerInstance]:
        """The layer at a path below every instance of a class, in every configuration."""
        return [
            LayerInstance(configuration, root, join(root, path))
            for configuration in self.configurations
            for root in self.roots(configuration, class_name, file)
            if join(root, path) in configuration.layers
        ]

    def kind(self, key: str) -> Kind:
        """What a module is to its children: sequential, list, dict, or any module."""
        lineage = self.lineage(key)
        return next((kind for name, kind in CONTAINERS.items() if name in lineage), "module")

    def steps(self, configuration: Configuration, start: str, end: str) -> tuple[Step, ...]:
        """The steps from the module at `start` down to the one at `end`."""
        below = end[len(start) + 1 :] if start else end
        steps = []
        here = start
        for name in below.split(".") if below else ():
            key = configuration.class_at(here)
            siblings = configuration.children(here)
            index = siblings.index(name)
            own = [configuration.own_name(join(here, sibling)) for sibling in siblings]
            again = own.count(own[index]) > 1
            steps.append(
                Step(
                    name=name,
                    parent=self.kind(key),
                    plain=key == SEQUENTIAL,
                    index=index,
                    first=index == 0 and not again,
                    last=index == len(siblings) - 1 and not again,
                    again=again,
                )
            )
            here = join(here, name)
        return tuple(steps)

    def sites(self, instance: LayerInstance) -> list[SiteInConfiguration]:
        """Where a layer is called, as far as the calls can be edited, with the way from each to it."""
        found = []
        configuration = instance.configuration
        for site in instance.facts.sites:
            if not site.editable or site.owner is None:
                continue
            called = join(site.owner, site.called)
            chain = self.steps(
                configuration, called, below_called(configuration, called, instance.path)
            )
            if site.how == "slice":
                first = chain[0].name == site.part[0]
                last = chain[0].name == site.part[-1]
                chain = (replace(chain[0], first=first, last=last), *chain[1:])
            to_called = self.steps(configuration, site.owner, called)
            found.append(SiteInConfiguration(instance, site, to_called, chain))
        return found


@dataclass(frozen=True)
class SiteInConfiguration:
    """A call site of a layer in one configuration.

    `to_called` leads from the owner of the call to the module that is called in the source, `chain` from
    there down to the layer.
    """

    instance: LayerInstance
    site: CallSite
    to_called: tuple[Step, ...]
    chain: tuple[Step, ...]

    @property
    def owner(self) -> str:
        """The path of the module whose method holds the call."""
        return self.site.owner or ""


def merged_steps(many: Iterable[tuple[Step, ...]]) -> tuple[Step, ...] | None:
    """The steps that hold in all configurations, or None where the places differ."""
    result: tuple[Step, ...] | None = None
    for steps in many:
        if result is None:
            result = steps
            continue
        if [step.identity for step in steps] != [step.identity for step in result]:
            return None
        result = tuple(
            replace(
                one,
                plain=one.plain and two.plain,
                index=one.index if one.index == two.index else -1,
                first=one.first and two.first,
                last=one.last and two.last,
                again=one.again or two.again,
            )
            for one, two in zip(result, steps)
        )
    return result


def below_called(configuration: Configuration, called: str, path: str) -> str:
    """The layer's path below the module that is called, which may know it by another name than the
    attribute: `self.all = nn.Sequential(self.conv, ...)`."""
    own = configuration.own_name
    if path == called or path.startswith(f"{called}."):
        return path
    if called in configuration.layers and own(called) == own(path):
        return called
    for other in configuration.layers:
        if other.startswith(f"{called}.") and own(other) == own(path):
            return other
    return path


def join(start: str, below: str) -> str:
    return f"{start}.{below}" if start and below else start or below
