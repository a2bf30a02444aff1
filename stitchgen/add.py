"""`stitchgen add`: from a target text to a proven plan. Floor 5.

resolve the target -> survey the configurations -> decide the places -> find the channel
expression -> plan the edits -> prove them -> hand over the changes, the ledger among them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stitchgen import blocks, catalog, channels, files, imports, observed, splice
from stitchgen.catalog import Block
from stitchgen.config import Project
from stitchgen.edits import FileChange
from stitchgen.errors import StitchError
from stitchgen.observe import Observer, encoded
from stitchgen.observed import Spot, Survey, join
from stitchgen.places import Place, find_place, uses_elsewhere
from stitchgen.render import snippet
from stitchgen.request import AddRequest
from stitchgen.resolve import Session, open_session, resolve
from stitchgen.sites import access
from stitchgen.syntax import Syntax
from stitchgen.workbench import Workbench

LAWS = ["builds", "keys", "position", "elsewhere", "consumed"]
#: How many configurations are proven, the smallest first; the rest are named as not proven.
PROVEN = 4
PROBE = "__stitchgen_probe__"


@dataclass(frozen=True)
class Outcome:
    """What a command did or would do: the `--json` object, and the changes to the files."""

    result: dict[str, Any]
    changes: list[FileChange]


def run(project: Project, request: AddRequest, mode: str = "apply") -> Outcome:
    """Put a block at the targets; with `mode="apply"` the changes are written.

    Raises StitchError where it cannot be done and proven; then nothing is written.
    """
    outcome = plan(project, request, dry_run=mode != "apply")
    if mode == "apply":
        files.commit(project.root, outcome.changes)
    return outcome


def plan(project: Project, request: AddRequest, dry_run: bool) -> Outcome:
    block = catalog.get(request.block, project.catalogs)
    settings = blocks.check_settings(block, request.settings)
    bench = Workbench(project.root)
    session = open_session(project, request, bench)
    proof = None
    with Observer(session.python, session.subject) as observer:
        survey = Survey.of(
            observer.ask("survey", builds=list(session.builds), inputs=list(session.inputs))
        )
        places = [
            find_place(bench, project, request, survey, resolve(session, located, survey, bench))
            for located in session.located
        ]
        for place in places:
            work_at(bench, project, request, block, settings, survey, session, observer, place)
        if request.prove:
            proof = prove(request, block, survey, observer, session, places, bench)
    result = report(request, bench, places, proof, survey, session, dry_run)
    return Outcome(result, bench.changes())


def work_at(
    bench: Workbench,
    project: Project,
    request: AddRequest,
    block: Block,
    settings: Mapping[str, str],
    survey: Survey,
    session: Session,
    observer: Observer,
    place: Place,
) -> None:
    """Plan one target: the block's file and import, its definition, its calls."""
    feature = feature_at(request, place)
    where = observed.first_place(place.spots[0].layer)
    blocks.check_layout(block, feature["layout"], place.target, where)
    place.channels = channel_expression(bench, request, survey, observer, session, place)
    file = place.anchor.file
    placed = blocks.place(
        bench, project, block, feature["dims"], bench.syntax(file), Path(file), session.import_name
    )
    arguments = blocks.arguments(block, place.channels["expression"], settings)
    construction = f"{placed.class_name}({', '.join(arguments)})"
    write_definitions(bench, project, place, construction)
    if request.placement != "replace":
        account_for_uses(bench, place)
        write_calls(bench, project, request, place)


def feature_at(request: AddRequest, place: Place) -> dict[str, Any]:
    """Layout, dims and channel counts of the tensor that the block is fed, in all spots."""
    layouts = set()
    for spot in place.spots:
        side = spot.layer if request.placement == "after" else spot.layer["fed"]
        layouts.add((side.get("layout"), side.get("dims")))
        if request.placement == "after" and "shape" not in spot.layer["output"]:
            raise StitchError(
                "not-a-tensor",
                f"{place.target} gives a {spot.layer['output']['type']}, not a tensor",
                where=observed.first_place(spot.layer),
                hint=f"Name the element, as in {place.target}#0.",
            )
    if len(layouts) > 1 or (None, None) in layouts:
        raise StitchError(
            "layout-ambiguous",
            f"the axes of the feature at {place.target} could not be told apart",
            where=observed.first_place(place.spots[0].layer),
            hint="Pass an --input with a different height and width, or another batch size.",
        )
    layout, dims = layouts.pop()
    return {"layout": layout, "dims": dims}


# Channels ---------------------------------------------------------------------------------------


def true_count(request: AddRequest, spot: Spot) -> int:
    side = spot.layer if request.placement == "after" else spot.layer["fed"]
    return side["channels"]


def channel_expression(
    bench: Workbench,
    request: AddRequest,
    survey: Survey,
    observer: Observer,
    session: Session,
    place: Place,
) -> dict[str, Any]:
    """The expression that names the channels in every configuration, with its evidence."""
    counts = {true_count(request, spot) for spot in place.spots}
    value = counts.pop() if len(counts) == 1 else None
    if request.channels is not None:
        return {"expression": request.channels, "value": value, "evidence": "given"}
    syntax = bench.syntax(place.anchor.file)
    function = syntax.method(*place.anchor.function.rsplit(".", 1))
    creating = statement_at(syntax, place)
    if function is None or creating is None:
        raise StitchError("internal", f"no constructor at {place.anchor.function}")
    counts = {true_count(request, spot) for spot in place.spots}
    ranked = channels.candidates(
        syntax, function, creating, layer_sizes(request, survey, place), counts
    )
    probe = f'{PROBE}("0", locals())\n'
    edit = syntax.document.lines_after(place.anchor.span, probe)
    overlay = bench.overlay({place.anchor.file: [edit]})
    expressions = list(dict.fromkeys(spot.configuration.expression for spot in place.spots))
    smallest = min(place.spots, key=lambda spot: spot.configuration.parameters)
    answer = observer.ask(
        "evaluate",
        builds=expressions,
        inputs=list(session.inputs),
        overlay=encoded(overlay),
        candidates={"0": [candidate.text for candidate in ranked if not candidate.text.isdigit()]},
        trials=[
            {
                "build": smallest.configuration.expression,
                "class": place.anchor.function.rsplit(".", 1)[0],
                "targets": [smallest.path],
            }
        ],
    )
    samples = samples_of(request, place, expressions, answer)
    trials = trials_of(request, smallest, place, answer)
    kept = channels.survivors(ranked, samples, trials)
    if kept:
        return {"expression": kept[0].text, "value": value, "evidence": "observed"}
    if value is not None:
        return {
            "expression": str(value),
            "value": value,
            "evidence": "observed",
            "reason": "no expression of the constructor explains this count",
        }
    raise StitchError(
        "channels-unknown",
        f"{place.target} has "
        + ", ".join(
            f"{true_count(request, spot)} channels in {spot.configuration.expression}"
            for spot in place.spots[:4]
        )
        + ", and no expression gives them all",
        where=f"{syntax.document.path}:{place.anchor.line}",
        hint="Name the configuration that you use, --build EXPR, or pass --channels EXPR, which "
        f"is evaluated after {syntax.document.path}:{place.anchor.line}.",
    )


def statement_at(syntax: Syntax, place: Place) -> ast.stmt | None:
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.stmt) and syntax.document.span_of(node) == place.anchor.span:
            return node
    return None


def layer_sizes(request: AddRequest, survey: Survey, place: Place) -> list[str]:
    """`self.conv1.out_channels`: sizes of the layer and of the modules near it."""
    spot = place.spots[0]
    configuration = spot.configuration
    start = join(spot.root, place.owner) if not place.slot else spot.root
    found = []
    wanted = true_count(request, spot)
    names = spot.path[len(start) :].lstrip(".").split(".")
    top = join(start, names[0])
    order = [path for path in configuration.layers if path == top or path.startswith(top + ".")]
    position = order.index(spot.path)
    inside = [path for path in order if path.startswith(spot.path + ".")]
    before = [path for path in reversed(order[:position]) if path not in inside]
    for path in [spot.path, *reversed(inside), *before[:12]]:
        for name, size in configuration.layers[path]["sizes"].items():
            if size == wanted:
                steps = survey.steps(configuration, start, path)
                found.append(f"{access('self', steps)}.{name}")
    return found


def samples_of(
    request: AddRequest, place: Place, expressions: Sequence[str], answer: Mapping[str, Any]
) -> list[channels.Sample]:
    samples = []
    for expression, build in zip(expressions, answer["builds"]):
        if not build["ok"]:
            error = build["error"]
            raise StitchError(error["code"], error["message"], where=error.get("where"))
        values = {passage["owner"]: passage["values"] for passage in build["passages"]}
        for spot in place.spots:
            if spot.configuration.expression == expression:
                owner = spot.root if place.slot else join(spot.root, place.owner)
                samples.append(
                    channels.Sample(expression, values.get(owner, {}), true_count(request, spot))
                )
    return samples


def trials_of(
    request: AddRequest, spot: Spot, place: Place, answer: Mapping[str, Any]
) -> list[channels.Sample]:
    """Configurations with one argument changed; the axis of the channels stays where it was."""
    side = spot.layer if request.placement == "after" else spot.layer["fed"]
    axis = side["layout"].index("C")
    key = spot.path if request.placement == "after" else spot.path + ":input"
    owner = spot.root if place.slot else join(spot.root, place.owner)
    trials = []
    for trial in answer["trials"]:
        shape = trial["shapes"].get(key)
        values = {passage["owner"]: passage["values"] for passage in trial["passages"]}
        if shape is not None and len(shape) == len(side["layout"]) and owner in values:
            trials.append(channels.Sample(trial["argument"], values[owner], shape[axis]))
    return trials


# Edits ------------------------------------------------------------------------------------------


def write_definitions(
    bench: Workbench, project: Project, place: Place, construction: str
) -> None:
    document = bench.syntax(place.anchor.file).document
    if place.strategy == "line" and not place.sites:
        code = snippet("replace", "init", place=place.layer_text, construction=construction)
    else:
        code = snippet(
            "serial",
            "init",
            owner=place.definition_owner,
            attribute=place.attribute,
            construction=construction,
        )
    for class_name, anchor in place.slots:
        syntax = bench.syntax(anchor.file)
        identity = f"{neural_network_module(syntax)}.Identity"
        slot = snippet(
            "slot", "init", owner="self", attribute=place.attribute, identity=identity
        )
        edit = splice.define(syntax.document, anchor.span, slot, project.line_length)
        bench.edit(anchor.file, edit)
    edit = splice.define(document, place.anchor.span, code, project.line_length)
    bench.edit(place.anchor.file, edit)


def neural_network_module(syntax: Syntax) -> str:
    """How the file names `torch.nn`."""
    alias = imports.module_alias(syntax, "torch.nn")
    if alias is None:
        raise StitchError(
            "unsupported",
            f"{syntax.document.path} does not import torch.nn",
            where=f"{syntax.document.path}:1",
            hint="Add `from torch import nn`.",
        )
    return alias


def write_calls(bench: Workbench, project: Project, request: AddRequest, place: Place) -> None:
    strategies = []
    for site in place.sites:
        syntax = bench.syntax(site.file)
        context = syntax.context(site.span)
        if context is None:
            line = syntax.document.line_of(site.span[0])
            raise StitchError("unsupported", f"no call at {syntax.document.path}:{line}")
        call = splice.Call(
            syntax=syntax,
            site=site,
            context=context,
            attribute=place.attribute,
            placement=request.placement,
            slot=place.slot,
            line_length=project.line_length,
        )
        edits, strategy = splice.edit_call(call)
        bench.edit(site.file, *edits)
        strategies.append(strategy)
    place.strategy = "slot" if place.slot else strategies[0]


HARMLESS = {"definition", "none-test", "isinstance", "init", "attribute", "child"}


def account_for_uses(bench: Workbench, place: Place) -> None:
    """Refuse where the source uses the layer in a way that the block would not see."""
    for file, use in uses_elsewhere(bench, place):
        path = bench.relative(file)
        if use.kind in HARMLESS:
            continue
        if use.kind == "weight":
            raise StitchError(
                "used-functionally",
                f"{path}:{use.line} uses {use.path}.{use.detail} without calling the layer",
                where=f"{path}:{use.line}",
                hint="A block after the layer would not be seen there.",
            )


# Proof ------------------------------------------------------------------------------------------


def prove(
    request: AddRequest,
    block: Block,
    survey: Survey,
    observer: Observer,
    session: Session,
    places: Sequence[Place],
    bench: Workbench,
) -> dict[str, Any]:
    """Run the laws on the smallest configurations; raises `law-broken`."""
    concerned = {
        spot.configuration.expression: spot.configuration for place in places for spot in place.spots
    }
    ordered = sorted(concerned.values(), key=lambda configuration: configuration.parameters)
    builds = []
    for configuration in ordered[:PROVEN]:
        splices = [
            {
                "placement": request.placement,
                "target": spot.path,
                "block": spot.path if request.placement == "replace" else place.block_path(spot),
                "calls": None,
                "element": None,
            }
            for place in places
            for spot in place.spots
            if spot.configuration is configuration
        ]
        builds.append({"expression": configuration.expression, "splices": splices})
    answer = observer.ask(
        "prove",
        builds=builds,
        inputs=list(session.inputs),
        overlay=encoded(bench.overlay()),
    )
    proofs = []
    for build, proof in zip(builds, answer["builds"]):
        if not proof["ok"]:
            error = proof["error"]
            raise StitchError(
                error["code"],
                f"{build['expression']}: {error['message']}",
                where=error.get("where"),
                hint="Nothing was written. --no-prove would skip this check, which is no remedy.",
                details={key: error[key] for key in ("law", "mode") if error.get(key)},
            )
        proofs.append(proof)
    first = proofs[0]
    return {
        "laws": LAWS,
        "build": [build["expression"] for build in builds],
        "not_proven": [configuration.expression for configuration in ordered[PROVEN:]],
        "params_added": first["params_added"],
        "macs_added": first["macs_added"],
        "input": first["input"],
        "notes": sorted({note for proof in proofs for note in proof["notes"]}),
        "keys": first["keys"],
    }


def report(
    request: AddRequest,
    bench: Workbench,
    places: Sequence[Place],
    proof: dict[str, Any] | None,
    survey: Survey,
    session: Session,
    dry_run: bool,
) -> dict[str, Any]:
    """The `--json` object of `add`."""
    keys = proof.pop("keys") if proof else {"added": [], "lost": [], "reshaped": []}
    warnings: list[dict[str, str]] = []
    if proof is None:
        warnings.append({"code": "not-proven", "message": "not proven, as --no-prove asks"})
    for place in places:
        reason = place.channels.pop("reason", None)
        if reason:
            warnings.append(
                {
                    "code": "literal-channels",
                    "where": f"{bench.relative(place.anchor.file)}:{place.anchor.line}",
                    "message": f"{place.channels['expression']} channels is a literal: {reason}",
                }
            )
    return {
        "ok": True,
        "command": "add",
        "block": request.block,
        "dry_run": dry_run,
        "splices": [
            {
                "target": place.target,
                "placement": request.placement,
                "attribute": place.attribute,
                "strategy": place.strategy,
                "channels": place.channels,
                "readers": sorted({r for spot in place.spots for r in spot.layer["readers"]}),
            }
            for place in places
        ],
        "files": [{"path": c.path, "action": c.action} for c in bench.changes()],
        "proof": proof,
        "keys": keys,
        "warnings": warnings,
    }
