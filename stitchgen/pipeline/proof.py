"""Ask the observer to hold the laws against the edited model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stitchgen.analysis.runtime_backend import Observer, encoded
from stitchgen.analysis.survey import Configuration, Spot, Survey, first_place, join
from stitchgen.errors import StitchError
from stitchgen.planning import joins
from stitchgen.planning.definitions import class_around
from stitchgen.planning.plan import Plan, Task
from stitchgen.planning.point import Place
from stitchgen.targets.model import Session
from stitchgen.targets.request import AddRequest

LAWS = ["builds", "keys", "position", "elsewhere", "consumed"]
#: How many configurations are proven, the smallest first; the rest are named as not proven.
PROVEN = 4


def prove(task: Task, survey: Survey, observer: Observer, plan: Plan) -> dict[str, Any]:
    """The proof's report; raises `law-broken`, and then nothing may be written.

    Configurations that the user named are all proven, up to PROVEN; of those found in the file the
    smallest. Those that run the edited classes and have no target are proven to be unchanged: all
    that the user named, and the smallest of the others.
    """
    request, session, places = task.request, task.session, plan.fresh
    wanted, others = concerned(session, survey, plan)
    named = len([one for one in others if one.expression in session.subject.given])
    unchanged = max(1, min(named, PROVEN))
    builds: list[dict[str, Any]] = [
        {"expression": one.expression, "splices": splices_in(request, one, places)}
        for one in wanted[:PROVEN] + others[:unchanged]
    ]
    answer = observer.ask(
        "prove",
        builds=builds,
        inputs=list(session.subject.inputs),
        overlay=encoded(plan.bench.overlay()),
    )
    for build, proof in zip(builds, answer["builds"]):
        if not proof["ok"]:
            raise refusal(task, plan, build["expression"], proof["error"])
    proofs = answer["builds"]
    return {
        "laws": LAWS,
        "build": [one.expression for one in wanted[:PROVEN]],
        "unchanged": [one.expression for one in others[:unchanged]],
        "not_proven": [one.expression for one in wanted[PROVEN:] + others[unchanged:]],
        "params_added": proofs[0]["params_added"],
        "macs_added": proofs[0]["macs_added"],
        "input": proofs[0]["input"],
        "notes": sorted({note for proof in proofs for note in proof["notes"]}),
        "keys": proofs[0]["keys"],
    }


def refusal(task: Task, plan: Plan, build: str, error: Mapping[str, Any]) -> StitchError:
    """A law that does not hold, or an argument of the block that its constructor refuses."""
    where = error.get("where")
    details = {key: error[key] for key in ("law", "mode") if error.get(key)}
    file = (where or "").rpartition(":")[0]
    in_block = any(file == str(plan.bench.root / path) for path in plan.uses)
    given = task.request.channels is not None or bool(task.settings)
    if error.get("law") == "builds" and (in_block or given):
        return StitchError(
            "bad-argument",
            f"{build}: {error['message']}",
            where=where,
            hint="The block's arguments come from --set name=value and --channels EXPR; see "
            f"stitchgen show {task.request.block}.",
            details=details,
        )
    for place in plan.fresh if task.request.placement == "replace" else ():
        for spot in place.spots:
            if others := spot.configuration.other_names(spot.path):
                return StitchError(
                    "unsupported",
                    f"{place.target} is the same module as {others[0]}, which stays the old one",
                    where=first_place(spot.layer),
                    hint="Change the line that makes it, for all its names.",
                    details=details,
                )
    hint = "Nothing was written. Please report this, with the model's source, if it is sound."
    if error.get("law") == "builds" and task.block is not None:
        changes = [what for what in ("channels", "size") if getattr(task.block, what) != "same"]
        if changes:
            hint = (
                f"{task.block.name} changes {' and '.join(changes)}, which what follows does not "
            )
            hint += "take; choose its arguments by --set, or a place where it may."
    if error.get("law") == "consumed":
        hint = "What the layer gives reaches no output here, or no gradient comes back (detach, "
        hint += "no_grad). Splice after one that trains, or pass a configuration: --build EXPR"
    if error["code"] != "law-broken":
        hint = "Both eval and train are run; pass the input that the model takes: --input SHAPE"
    return StitchError(
        error["code"], f"{build}: {error['message']}", where=where, hint=hint, details=details
    )


def concerned(
    session: Session, survey: Survey, plan: Plan
) -> tuple[list[Configuration], list[Configuration]]:
    """The configurations that have a target, and those that only share the edited classes."""
    places = plan.fresh
    wanted = {
        spot.configuration.expression: spot.configuration
        for place in places
        for spot in place.spots
    }
    edited = {
        (name, site.file)
        for place in places
        for site in place.sites
        if place.variable is None and (name := class_around(plan.bench, site)) is not None
    }
    edited |= {(place.anchor.function.rpartition(".")[0], place.anchor.file) for place in places}
    others = [
        configuration
        for configuration in survey.configurations
        if configuration.expression not in wanted
        and any(survey.roots(configuration, name, file) for name, file in edited)
    ]
    named = [wanted[text] for text in session.subject.given if text in wanted]
    found = sorted(wanted.values(), key=lambda one: one.parameters)
    others.sort(key=lambda one: (one.expression not in session.subject.given, one.parameters))
    return named or found, others


def splices_in(
    request: AddRequest, configuration: Configuration, places: Sequence[Place]
) -> list[dict[str, Any]]:
    """The splices of one configuration, as the laws take them."""
    splices = []
    for place in places:
        for spot in place.spots:
            if spot.configuration is configuration:
                splices.append(splice_in(request, place, spot))
        if not splices:
            splices.append(
                {
                    "placement": request.placement,
                    "target": place.resolved.path,
                    "block": place.attribute,
                    "absent": True,
                }
            )
    return splices


def splice_in(request: AddRequest, place: Place, spot: Spot) -> dict[str, Any]:
    """A splice at one layer, as the laws take it."""
    block = spot.path if request.placement == "replace" else place.block_path(spot)
    here = block.rpartition(".")[0]
    return {
        "placement": request.placement,
        "target": spot.path,
        "block": "" if place.method.features else block,
        "calls": None if place.call is None else [place.call],
        "element": place.element.value if place.element is not None else None,
        "into": None if place.reader is None else join(spot.root, place.reader),
        "method": joins.law(place.method, here, spot.root),
    }
