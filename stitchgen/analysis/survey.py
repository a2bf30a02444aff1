"""What the observer saw, in the terms that the planner decides on.

A `Spot` is one target layer in one instance of the target's class in one configuration; a target
has a spot for each configuration that has the layer, and for each instance of the class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stitchgen.analysis.steps import Site, Step
from stitchgen.errors import StitchError

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Configuration:
    """One way to build the model, and its layers by path."""

    expression: str
    class_key: str
    layers: Mapping[str, Json]
    parameters: int
    input: str

    @classmethod
    def of(cls, report: Json) -> Configuration:
        return cls(
            expression=report["expression"],
            class_key=report["class_key"],
            layers={layer["path"]: layer for layer in report["layers"]},
            parameters=report["parameters"],
            input=report["input"],
        )

    def class_at(self, path: str) -> str:
        return self.layers[path]["class_key"] if path else self.class_key

    def own_name(self, path: str) -> str:
        """The first of the names that the module at a path has."""
        return self.layers[path]["same_as"] or path

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


@dataclass(frozen=True)
class Spot:
    """A target layer: `root` is the path of an instance of the target's class ('' for the model)."""

    configuration: Configuration
    root: str
    path: str
    element: str | None = None  # of what the layer gives

    @property
    def layer(self) -> Json:
        return self.configuration.layers[self.path]

    def feature(self, placement: str, call: int | None = None) -> Json:
        """The tensor that the block is fed: layout, channels, dims (None where they are unknown)."""
        by_call = self.features(placement)
        return by_call[min((call or 1) - 1, len(by_call) - 1)]

    def features(self, placement: str) -> Sequence[Json]:
        """Those tensors by call, at least one."""
        unknown = {"layout": None, "channels": None, "dims": None}
        if self.element is not None and placement == "after":
            return self.layer.get("elements", {}).get(self.element) or [unknown]
        side = "gives" if placement == "after" else "takes"
        return [call[side] for call in self.layer.get("features") or ()] or [unknown]


@dataclass(frozen=True)
class Survey:
    """All configurations that built and ran, the classes seen, and the failures of the others."""

    configurations: Sequence[Configuration]
    classes: Mapping[str, Json]
    failures: Mapping[str, Json]

    @classmethod
    def of(cls, answer: Json) -> Survey:
        good = [Configuration.of(build) for build in answer["builds"] if build["ok"]]
        failures = {
            build["expression"]: build["error"] for build in answer["builds"] if not build["ok"]
        }
        return cls(good, answer["classes"], failures)

    @property
    def read(self) -> bool:
        """Whether the model was not run: what is not here may be there all the same."""
        return any(
            "channels_read" in layer
            for configuration in self.configurations
            for layer in configuration.layers.values()
        )

    def only(self, expressions: Sequence[str]) -> Survey:
        """The survey as if only these configurations had been built."""
        kept = [one for one in self.configurations if one.expression in expressions]
        return Survey(kept, self.classes, self.failures)

    @property
    def modules(self) -> dict[str, str]:
        """The dotted names under which the files of the classes were imported."""
        return {
            about["file"]: key.partition(":")[0]
            for key, about in self.classes.items()
            if about and about["file"]
        }

    def is_kind(self, key: str, class_name: str, file: str) -> bool:
        """Whether a class is, or inherits, the class of that name written in that file."""
        for candidate in (key, *(self.classes[key] or {}).get("bases", ())):
            about = self.classes.get(candidate)
            if about and about["name"] == class_name and about["file"] == file:
                return True
        return False

    def roots(self, configuration: Configuration, class_name: str, file: str) -> list[str]:
        """Paths of the instances of a class; those inside of another instance count too."""
        paths = ["", *configuration.layers]
        return [
            path
            for path in paths
            if self.is_kind(configuration.class_at(path), class_name, file)
            and not (path and configuration.layers[path]["same_as"])
        ]

    def spots(self, class_name: str, file: str, path: str) -> list[Spot]:
        found = []
        for configuration in self.configurations:
            for root in self.roots(configuration, class_name, file):
                full = f"{root}.{path}" if root else path
                if full in configuration.layers:
                    found.append(Spot(configuration, root, full))
        return found

    def kind(self, key: str) -> str:
        """What a module is to its children: sequential, list, dict, or any module."""
        names = [key, *(self.classes[key] or {}).get("bases", ())]
        for name, kind in (
            ("torch.nn.modules.container:Sequential", "sequential"),
            ("torch.nn.modules.container:ModuleList", "list"),
            ("torch.nn.modules.container:ModuleDict", "dict"),
        ):
            if name in names:
                return kind
        return "module"

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
                    parent=self.kind(key),  # type: ignore[arg-type]
                    plain=key == "torch.nn.modules.container:Sequential",
                    index=index,
                    first=index == 0 and not again,
                    last=index == len(siblings) - 1 and not again,
                    again=again,
                )
            )
            here = f"{here}.{name}" if here else name
        return tuple(steps)


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


def in_project(file: str | None, root: Path) -> bool:
    """Whether a file is the user's to edit."""
    if not file:
        return False
    path = Path(file)
    installed = {"site-packages", "dist-packages"} & set(path.parts)
    return path.is_relative_to(root) and not installed and path.is_file()


#: How a call that can be edited runs the layer.
EDITABLE = ("call", "slice", "argument", "forward")


def sites_of(survey: Survey, spot: Spot) -> list[tuple[str, Site]]:
    """`(path of the owner, site)` for each place where this spot's layer is called."""
    found = []
    for site in spot.layer["sites"]:
        if site["how"] not in EDITABLE or site.get("owner") is None:
            continue
        configuration = spot.configuration
        called = join(site["owner"], site["called"])
        chain = survey.steps(configuration, called, below_called(configuration, called, spot.path))
        if site["how"] == "slice":
            ends = {
                "first": chain[0].name == site["part"][0],
                "last": chain[0].name == site["part"][-1],
            }
            chain = (replace(chain[0], **ends), *chain[1:])
        found.append(
            (
                site["owner"],
                Site(
                    file=site["file"],
                    span=tuple(site["span"]),  # type: ignore[arg-type]  # line, column pairs
                    function=site["function"],
                    owner_class=site["owner_class"],
                    how=site["how"],
                    to_called=survey.steps(configuration, site["owner"], called),
                    chain=chain,
                    numbers=tuple(site["numbers"]),
                ),
            )
        )
    return found


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


def check_callable(
    spot: Spot, root: Path, call: int | str | None, name: str, attach: bool = False
) -> bool:
    """Whether the block is to be attached (with `attach`): no call of the layer can be edited.

    Refuses a layer that cannot be spliced, with the reason and what to type instead.
    """
    layer = spot.layer
    configuration = spot.configuration
    where = first_place(layer)
    if layer["scripted"]:
        raise StitchError(
            "scripted",
            f"{name} is a scripted module, whose source is not run",
            where=where,
            hint="Splice into the Python class before it is scripted.",
        )
    calls = max(layer["calls"].values())
    if calls == 0 and (read := layer.get("weights_read")):
        parent = name.rpartition(".")[0]
        raise StitchError(
            "used-functionally",
            f"{name} is never called: its {read['name']} is used directly",
            where=f"{read['file']}:{read['line']}",
            hint="A block there would not be run. Splice after the layer that uses it"
            + (f": {parent}" if "." in parent.rpartition("::")[2] else "."),
            suggestions=[parent] if "." in parent.rpartition("::")[2] else [],
        )
    if calls == 0:
        what = f"{name} is never called"
        hint = f"No call of it was seen in {configuration.expression}, in eval and in train."
        if "channels_read" in layer:
            what = f"the source alone shows no call of {name}"
            hint = "Let the model run (leave out --no-prove)."
        suggestions = []
        if children := configuration.children(spot.path):
            suggestions = [f"{name}.{children[-1]}"]
            hint += f" It holds other layers; after its last one: {suggestions[0]}"
        raise StitchError("never-called", what, where=where, hint=hint, suggestions=suggestions)
    broken = [site for site in layer["sites"] if site["how"] not in EDITABLE]
    outside = [site for site in layer["sites"] if not in_project(site.get("file"), root)]
    if (outside or broken) and attach:
        check_hookable(layer, calls, call, name)
        return True
    if outside:
        site = outside[0]
        place = f"{site.get('file')}:{site.get('line')}" if site.get("file") else None
        who = "in an installed package, whose source is not yours"
        if site["how"] == "top":
            who = "by torch's Sequential, which the model itself is, and by no source of yours"
        raise StitchError(
            "installed-package",
            f"{name} is called {who}",
            where=place or where,
            hint="Splice after a layer that your own code calls, or pass --attach to run the "
            "block from a forward hook.",
        )
    if broken:
        site = broken[0]
        raise StitchError(
            "unsupported",
            f"the call of {name} at {site.get('file')}:{site.get('line')} has no expression of "
            "its own that can be edited",
            where=f"{site.get('file')}:{site.get('line')}",
            hint="Pass --attach to run the block from a forward hook.",
        )
    if calls > 1 and call is None:
        places = sorted({f"{site['file']}:{site['line']}" for site in layer["sites"]})
        raise StitchError(
            "many-calls",
            f"{name} is called {calls} times in one forward pass, at {', '.join(places)}",
            where=places[0],
            hint=f"Name one call, {name}@1, or all of them, {name}@all.",
            suggestions=[f"{name}@{number}" for number in range(1, calls + 1)] + [f"{name}@all"],
        )
    return False


def check_hookable(layer: Json, calls: int, call: int | str | None, name: str) -> None:
    """Refuse one of several calls of a layer: its forward hook runs at each of them alike."""
    plain = name.partition("@")[0]
    if isinstance(call, int) and call > calls:
        raise no_such_call(plain, calls, call)
    if calls == 1 or call == "all":
        return
    every = f"{plain}@all"
    raise StitchError(
        "many-calls",
        f"{plain} is called {calls} times in one forward pass, and a forward hook cannot tell the "
        "calls apart",
        where=first_place(layer),
        hint=f"One block at all of them: {every} --attach",
        suggestions=[every],
    )


def no_such_call(plain: str, calls: int, call: int | str) -> StitchError:
    times = "once" if calls == 1 else f"{calls} times"
    return StitchError(
        "target-not-found",
        f"{plain} is called {times} in one forward pass, not {call} times",
        suggestions=[f"{plain}@{other + 1}" for other in range(calls)],
    )


def first_place(layer: Json) -> str | None:
    for site in layer["sites"]:
        if site.get("file"):
            return f"{site['file']}:{site['line']}"
    for frames in layer["definition"] or ():
        for frame in frames or ():
            if not Path(frame["file"]).name.startswith("<"):  # an expression that builds the model
                return f"{frame['file']}:{frame['line']}"
    return None
