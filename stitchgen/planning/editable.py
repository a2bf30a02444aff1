"""Whether the calls of a layer can be edited; a refusal for each reason why not, with what to type instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stitchgen.analysis.layer_facts import CallSite, LayerFacts
from stitchgen.analysis.survey import SEQUENTIAL, Configuration, LayerInstance, join
from stitchgen.errors import StitchError
from stitchgen.project.python_files import in_project
from stitchgen.targets.adoption import OFFER, adoption


@dataclass(frozen=True)
class Asked:
    """A layer that is to be spliced, in one configuration: under which name, and at which call."""

    instance: LayerInstance
    root: Path  # of the project
    call: int | str | None  # `@2`, `@all`
    name: str  # as the report names the target
    read: bool = False  # the model was not run
    script: str | None = None  # that keeps the model in a variable

    @property
    def facts(self) -> LayerFacts:
        return self.instance.facts

    @property
    def calls(self) -> int:
        return self.facts.times

    @property
    def outside(self) -> list[CallSite]:
        """The calls that stand in no file of the project."""
        return [site for site in self.facts.sites if not in_project(site.file, self.root)]

    @property
    def uneditable(self) -> list[CallSite]:
        """The calls that have no expression of their own."""
        return [site for site in self.facts.sites if not site.editable]


def scripted(asked: Asked) -> StitchError | None:
    if not asked.facts.scripted:
        return None
    return StitchError(
        "scripted",
        f"{asked.name} is a scripted module, whose source is not run",
        where=asked.facts.where,
        hint="Splice into the Python class before it is scripted.",
    )


def used_without_call(asked: Asked) -> StitchError | None:
    read = asked.facts.weights_read
    if asked.calls or read is None:
        return None
    parent = asked.name.rpartition(".")[0]
    inside = "." in parent.rpartition("::")[2]
    return StitchError(
        "used-functionally",
        f"{asked.name} is never called: its {read.name} is used directly",
        where=f"{read.file}:{read.line}",
        hint="A block there would not be run. Splice after the layer that uses it"
        + (f": {parent}" if inside else "."),
        suggestions=[parent] if inside else [],
    )


def only_reader(asked: Asked, child: str) -> str | None:
    """The target of the one layer beside a container that is fed what its last layer gives."""
    instance = asked.instance
    layers = instance.configuration.layers
    last = layers.get(join(instance.path, child))
    holder = instance.path.rpartition(".")[0]
    readers = [
        one
        for one in (last.readers if last is not None else ())
        if one.rpartition(".")[0] == holder and one != instance.path
    ]
    if len(readers) != 1 or not asked.name.endswith(instance.path.rpartition(".")[2]):
        return None
    own = len(instance.path.rpartition(".")[2])
    return asked.name[:-own] + readers[0].rpartition(".")[2]


def last_child(asked: Asked) -> str | None:
    """The layer in this one that returns last; of a model that was only read, the last that it is given."""
    configuration, path = asked.instance.configuration, asked.instance.path
    children = configuration.children(path)
    if asked.read:
        return children[-1] if children else None
    returned = {
        child: max(orders)
        for child in children
        if (orders := [facts.order or 0 for facts in parts_of(configuration, join(path, child))])
    }
    return max(returned, key=lambda child: returned[child]) if returned else None


def parts_of(configuration: Configuration, path: str) -> list[LayerFacts]:
    """A layer and those in it, as far as they are called."""
    found = [path, *(join(path, one) for one in configuration.below(path))]
    return [facts for one in found if (facts := configuration.layers[one]).times]


def never_called(asked: Asked) -> StitchError | None:
    if asked.calls:
        return None
    configuration = asked.instance.configuration
    what = f"{asked.name} is never called"
    hint = f"No call of it was seen in {configuration.expression}, in eval and in train."
    if asked.read:
        what = f"the source alone shows no call of {asked.name}"
        hint = "Let the model run (leave out --no-prove)."
    suggestions = []
    last = last_child(asked)
    if last is not None:
        suggestions = [f"{asked.name}.{last}"]
        hint += f" It holds other layers; after its last one: {suggestions[0]}"
        if reader := only_reader(asked, last):
            # What they give together, however many there are in another configuration.
            suggestions.insert(0, f"--before {reader}")
            hint += f", or, whatever their number, before what reads that: --before {reader}"
    elif not asked.read:
        hint += (
            " If forward comes to it with other arguments, pass these: one --input after the other, or a dict of "
            "keyword arguments, --input 'dict(x=torch.rand(1, 3, 64, 64), step=3)'"
        )
    return StitchError(
        "never-called", what, where=asked.facts.where, hint=hint, suggestions=suggestions
    )


def called_outside(asked: Asked) -> StitchError | None:
    if not asked.outside:
        return None
    site = asked.outside[0]
    who = "in an installed package, whose source is not yours"
    configuration = asked.instance.configuration
    called_by = configuration.class_at(site.owner) if site.owner is not None else ""
    offers = adoption(called_by, asked.script)
    if site.how == "top":
        itself = configuration.class_key == SEQUENTIAL
        which = "which the model itself is" if itself else "from which its class inherits"
        who = f"by torch's Sequential, {which}, and by no source of yours"
        offers = []
    return StitchError(
        "installed-package",
        f"{asked.name} is called {who}",
        where=site.where or asked.facts.where,
        hint="Splice after a layer that your own code calls, or pass --attach to run the "
        f"block from a forward hook.{f' {OFFER}' if offers else ''}",
        suggestions=offers,
    )


def no_expression(asked: Asked) -> StitchError | None:
    if not asked.uneditable:
        return None
    where = asked.uneditable[0].where or "a place that is not known"
    return StitchError(
        "unsupported",
        f"the call of {asked.name} at {where} has no expression of its own that can be edited",
        where=where,
        hint="Pass --attach to run the block from a forward hook.",
    )


def called_several_times(asked: Asked) -> StitchError | None:
    if asked.calls <= 1 or asked.call is not None:
        return None
    name, calls = asked.name, asked.calls
    places = sorted({str(site.where) for site in asked.facts.sites})
    # What is read may stand in methods of which a forward pass runs one.
    often = f"at {calls} places" if asked.read else f"{calls} times in one forward pass, at"
    return StitchError(
        "many-calls",
        f"{name} is called {often}{':' if asked.read else ''} {', '.join(places)}",
        where=places[0],
        hint=f"Name one call, {name}@1, or all of them, {name}@all.",
        suggestions=[f"{name}@{number}" for number in range(1, calls + 1)] + [f"{name}@all"],
    )


Rule = Callable[[Asked], StitchError | None]
#: What makes a layer one that no block can follow, in whatever way it is run.
ALWAYS: tuple[Rule, ...] = (scripted, used_without_call, never_called)
#: What stands in the way of editing its calls.
CALLS: tuple[Rule, ...] = (called_outside, no_expression, called_several_times)


def needs_hook(asked: Asked, *, attach: bool) -> bool:
    """Whether the block is to be attached (with `attach`): no call of the layer can be edited.

    Refuses a layer that cannot be spliced, with the reason and what to type instead.
    """
    refuse_by(ALWAYS, asked)
    if attach and (asked.outside or asked.uneditable):
        check_hookable(asked)
        return True
    refuse_by(CALLS, asked)
    return False


def refuse_by(rules: tuple[Rule, ...], asked: Asked) -> None:
    for rule in rules:
        refusal = rule(asked)
        if refusal is not None:
            raise refusal


def check_hookable(asked: Asked) -> None:
    """Refuse one of several calls of a layer: its forward hook runs at each of them alike."""
    plain = asked.name.partition("@")[0]
    if isinstance(asked.call, int) and asked.call > asked.calls:
        raise no_such_call(plain, asked.calls, asked.call)
    if asked.calls == 1 or asked.call == "all":
        return
    every = f"{plain}@all"
    raise StitchError(
        "many-calls",
        f"{plain} is called {asked.calls} times in one forward pass, and a forward hook cannot tell the "
        "calls apart",
        where=asked.facts.where,
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
