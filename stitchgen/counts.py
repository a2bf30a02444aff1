"""How many channels a block gets, as an expression of the constructor (floor 4).

The candidates are `channels`' business; here the observer evaluates them, at the very place where
the block will be constructed, in every configuration that was seen.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from stitchgen import channels, observed, splice
from stitchgen.errors import InternalError, StitchError
from stitchgen.observe import Observer, encoded
from stitchgen.observed import Spot, Survey, join
from stitchgen.places import Place
from stitchgen.request import AddRequest
from stitchgen.resolve import Session
from stitchgen.sites import access
from stitchgen.syntax import Syntax
from stitchgen.workbench import Workbench

PROBE = "__stitchgen_probe__"


def feature_at(request: AddRequest, place: Place) -> Mapping[str, Any]:
    """Layout and dims of the tensor that the block is fed, which all spots have in common."""
    features = []
    for spot in place.spots:
        output = spot.layer["output"]
        if not spot.layer.get("features"):
            continue
        if request.placement == "after" and "shape" not in output:
            raise StitchError(
                "not-a-tensor",
                f"{place.target} gives a {output['type']}, not a tensor",
                where=observed.first_place(spot.layer),
                hint="Splice after a layer inside of it that gives a tensor, or before one that "
                "reads the element.",
            )
        features.append(spot.feature(request.placement, place.call))
    layouts = {feature["layout"] for feature in features}
    if len(layouts) > 1 or None in layouts:
        raise StitchError(
            "layout-ambiguous",
            f"the axes of the feature at {place.target} could not be told apart",
            where=observed.first_place(place.spots[0].layer),
            hint="Pass an --input with a different height and width, or another batch size.",
        )
    return features[0]


def true_count(request: AddRequest, spot: Spot, place: Place) -> int:
    return spot.feature(request.placement, place.call)["channels"]


def channel_expression(
    bench: Workbench,
    request: AddRequest,
    survey: Survey,
    observer: Observer,
    session: Session,
    place: Place,
) -> dict[str, Any]:
    """The expression that names the channels in every configuration, with its evidence."""
    counts = {true_count(request, spot, place) for spot in place.spots}
    value = counts.pop() if len(counts) == 1 else None
    if request.channels is not None:
        return {"expression": request.channels, "value": value, "evidence": "given"}
    syntax = bench.syntax(place.anchor.file)
    function = syntax.method(*place.anchor.function.rsplit(".", 1))
    creating = statement_at(syntax, place)
    counts = {true_count(request, spot, place) for spot in place.spots}
    sizes = layer_sizes(request, survey, place)
    if place.anchor.new:
        # A constructor yet to be written knows nothing but the layers.
        ranked = channels.of_layers(sizes)
    elif function is None or creating is None:
        raise InternalError(f"no constructor at {place.anchor.function}")
    else:
        ranked = channels.candidates(syntax, function, creating, sizes, counts)
    probe = f'{PROBE}("0", locals())\n'
    edit = splice.define(syntax, place.anchor, probe, line_length=1000)
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
            f"{true_count(request, spot, place)} channels in {spot.configuration.expression}"
            for spot in place.spots[:4]
        )
        + ", and no expression gives them all",
        where=f"{syntax.document.path}:{place.anchor.line}",
        hint="Name the configuration that you use, --build EXPR, or pass --channels EXPR, which "
        f"is evaluated after {syntax.document.path}:{place.anchor.line}.",
    )


def channels_read(request: AddRequest, place: Place) -> dict[str, Any]:
    """The expression that reading gives; refuses what it is not certain of."""
    if request.channels is not None:
        return {"expression": request.channels, "value": None, "evidence": "given"}
    read = place.spots[0].layer["channels_read"]
    # An expression holds where the calls' owner is made; elsewhere only a number does.
    expression = read.expression
    if place.from_class:
        expression = str(read.value) if read.value else None
    if request.placement != "after" or expression is None or read.evidence == "unknown":
        reason = read.reason or "what a layer is fed is not read"
        raise StitchError(
            "channels-unknown",
            f"the source alone does not tell the channels at {place.target}: {reason}",
            where=observed.first_place(place.spots[0].layer),
            hint="Let the model run (leave out --no-prove), or pass --channels EXPR.",
        )
    return {"expression": expression, "value": read.value, "evidence": read.evidence}


def statement_at(syntax: Syntax, place: Place) -> ast.stmt | None:
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.stmt) and syntax.document.span_of(node) == place.anchor.span:
            return node
    return None


def layer_sizes(request: AddRequest, survey: Survey, place: Place) -> list[str]:
    """`self.conv1.out_channels`: sizes of the layer and of the modules near it."""
    spot = place.spots[0]
    configuration = spot.configuration
    start = place.definition_root(spot)
    found = []
    wanted = true_count(request, spot, place)
    names = spot.path[len(start) :].lstrip(".").split(".")
    top = join(start, names[0])
    order = [path for path in configuration.layers if path == top or path.startswith(top + ".")]
    position = order.index(spot.path)
    inside = [path for path in order if path.startswith(spot.path + ".")]
    before = [path for path in reversed(order[:position]) if path not in inside]
    near = [spot.path, *reversed(inside), *before[:12]]
    if request.placement == "before":
        # What feeds the layer was made by the layers before it, of whatever attribute.
        every = list(configuration.layers)
        near = list(reversed(every[: every.index(spot.path)]))
        near = [path for path in near if not start or path.startswith(start + ".")][:40]
    for path in near:
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
                own = values.get(place.definition_root(spot), {})
                samples.append(channels.Sample(expression, own, true_count(request, spot, place)))
    return samples


def trials_of(
    request: AddRequest, spot: Spot, place: Place, answer: Mapping[str, Any]
) -> list[channels.Sample]:
    """Configurations with one argument changed; the axis of the channels stays where it was."""
    feature = spot.feature(request.placement, place.call)
    axis = feature["layout"].index("C")
    side = "output" if request.placement == "after" else "input"
    owner = place.definition_root(spot)
    trials = []
    for trial in answer["trials"]:
        shapes = trial["shapes"][spot.path][side]
        number = (place.call or 1) - 1
        shape = shapes[number] if number < len(shapes) else None
        values = {passage["owner"]: passage["values"] for passage in trial["passages"]}
        if shape is not None and len(shape) == len(feature["layout"]) and owner in values:
            trials.append(channels.Sample(trial["argument"], values[owner], shape[axis]))
    return trials
