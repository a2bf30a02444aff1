"""How many channels a block gets, as an expression of the constructor.

The candidates are `channels`' business; here the observer evaluates them, at the very place where
the block will be constructed, in every configuration that was seen.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stitchgen.analysis.runtime_backend import Observer, encoded
from stitchgen.analysis.steps import access
from stitchgen.analysis.survey import Spot, Survey, first_place, join
from stitchgen.errors import InternalError, StitchError
from stitchgen.planning import channel_candidates
from stitchgen.planning.elements import not_a_tensor
from stitchgen.planning.point import Place
from stitchgen.project.workspace import Workbench
from stitchgen.rewrite import constructor
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit
from stitchgen.source.syntax import Syntax
from stitchgen.targets.model import Session
from stitchgen.targets.request import AddRequest

PROBE = "__stitchgen_probe__"


def feature_at(request: AddRequest, place: Place, any_layout: bool = False) -> Mapping[str, Any]:
    """Layout and dims of the tensor that the block is fed, which all spots have in common.

    With `any_layout` it does not matter which axis is which, and the layout may be None.
    """
    features = []
    for spot in place.spots:
        if not spot.layer.get("features"):
            continue
        output = spot.layer["output"]
        if request.placement == "after" and "shape" not in output and spot.element is None:
            raise not_a_tensor(spot, place.target)
        features.append(spot.feature(request.placement, place.call))
    if not features:
        raise StitchError(
            "never-called",
            f"{place.target} is called in train alone; the axes of its feature are seen in eval",
            where=first_place(place.spots[0].layer),
            hint="Name a configuration that calls it in eval, too: --build EXPR",
        )
    layouts = {feature["layout"] for feature in features}
    if None in layouts and any("channels_read" in spot.layer for spot in place.spots):
        raise StitchError(
            "channels-unknown",
            f"the source alone does not tell the axes and channels of the feature at {place.target}",
            where=first_place(place.spots[0].layer),
            hint="Let the model run (leave out --no-prove).",
        )
    if (len(layouts) > 1 or None in layouts) and not any_layout:
        raise StitchError(
            "layout-ambiguous",
            f"the axes of the feature at {place.target} could not be told apart",
            where=first_place(place.spots[0].layer),
            hint="Pass an --input with a different height and width, or another batch size.",
        )
    return features[0]


@dataclass(frozen=True)
class Count:
    """The channels of a tensor that a layer gives or takes, to be named at a place's anchor."""

    place: Place
    name: str  # of the layer
    spots: Sequence[Spot]  # of the layer, one for each of the place's
    placement: str  # after: what it gives; before: what it takes
    creating: Span  # the statement that creates the layer
    call: int | None = None

    def of(self, spot: Spot) -> int:
        return spot.feature(self.placement, self.call)["channels"]

    def by_call(self, spot: Spot) -> list[int]:
        """The counts of the calls meant, in their order."""
        if self.call is not None:
            return [self.of(spot)]
        return [feature["channels"] for feature in spot.features(self.placement)]

    @property
    def only(self) -> int | None:
        """The count, where it is one number for all configurations and calls."""
        counts = {count for spot in self.spots for count in self.by_call(spot)}
        return counts.pop() if len(counts) == 1 else None


def count_at(place: Place, placement: str) -> Count:
    """Of what the place's own layer gives or takes."""
    return Count(place, place.target, place.spots, placement, place.creating, place.call)


@dataclass(frozen=True)
class Question:
    """What the observer is to evaluate for one count: candidates, at the place's anchor."""

    key: str
    count: Count
    ranked: Sequence[channel_candidates.Candidate]
    smallest: Spot  # the cheapest configuration in which arguments are changed

    @property
    def trial(self) -> tuple[str, str]:
        """The configuration, and the class one of whose arguments is changed."""
        class_name = self.count.place.anchor.function.rpartition(".")[0]
        return self.smallest.configuration.expression, class_name


def channel_expressions(
    bench: Workbench,
    survey: Survey,
    observer: Observer,
    session: Session,
    counts: Sequence[Count],
) -> list[dict[str, Any]]:
    """For each count the expression that names it in every configuration, and the others that do.

    The observer is asked once for all: a pattern may mean dozens of places.
    """
    questions = [question(bench, survey, count, str(number)) for number, count in enumerate(counts)]
    if not questions:
        return []
    expressions = list(
        dict.fromkeys(spot.configuration.expression for count in counts for spot in count.spots)
    )
    trials: dict[tuple[str, str], dict[str, int]] = {}
    for asked in questions:
        targets = trials.setdefault(asked.trial, {})
        path = asked.smallest.path
        targets[path] = max(targets.get(path, 0), asked.count.call or 1)
    answer = observer.ask(
        "evaluate",
        builds=expressions,
        inputs=list(session.subject.inputs),
        overlay=encoded(bench.overlay(probes(bench, questions))),
        candidates={
            asked.key: [one.text for one in asked.ranked if not one.text.isdigit()]
            for asked in questions
        },
        wanted={asked.key: asked.count.of(asked.smallest) for asked in questions},
        trials=[
            {"build": build, "class_name": class_name, "targets": targets}
            for (build, class_name), targets in trials.items()
        ],
    )
    numbers = {trial: number for number, trial in enumerate(trials)}
    return [chosen(bench, asked, expressions, answer, numbers[asked.trial]) for asked in questions]


def given(request: AddRequest, place: Place) -> dict[str, Any]:
    """The expression that `--channels` gives."""
    value = count_at(place, request.placement).only
    return {"expression": request.channels, "value": value, "evidence": "given"}


def question(bench: Workbench, survey: Survey, count: Count, key: str) -> Question:
    anchor = count.place.anchor
    syntax = bench.syntax(anchor.file)
    function = syntax.method(*anchor.function.rsplit(".", 1))
    creating = statement_at(syntax, count.creating)
    sizes = layer_sizes(survey, count)
    if anchor.new:
        # A constructor yet to be written knows nothing but the layers.
        ranked = channel_candidates.of_layers(sizes)
    elif function is None or creating is None:
        raise InternalError(f"no constructor at {anchor.function}")
    else:
        wanted = {count.of(spot) for spot in count.spots}
        ranked = channel_candidates.candidates(syntax, function, creating, sizes, wanted)
    smallest = min(count.spots, key=lambda spot: spot.configuration.parameters)
    return Question(key, count, ranked, smallest)


def probes(bench: Workbench, questions: Sequence[Question]) -> dict[str, list[Edit]]:
    """Calls of the probe at every anchor; one edit where several places share it."""
    codes: dict[constructor.Anchor, str] = {}
    for asked in questions:
        anchor = asked.count.place.anchor
        codes[anchor] = codes.get(anchor, "") + f'{PROBE}("{asked.key}", locals())\n'
    edits: dict[str, list[Edit]] = {}
    for anchor, code in codes.items():
        edit = constructor.define(bench.syntax(anchor.file), anchor, code, line_length=1000)
        edits.setdefault(anchor.file, []).append(edit)
    return edits


def chosen(
    bench: Workbench,
    asked: Question,
    expressions: Sequence[str],
    answer: Mapping[str, Any],
    trial: int,
) -> dict[str, Any]:
    """The best candidate that no configuration and no changed argument contradicts."""
    count = asked.count
    place, value = count.place, count.only
    samples = samples_of(asked, expressions, answer)
    kept = channel_candidates.survivors(asked.ranked, samples, trials_of(asked, answer, trial))
    if kept:
        texts = [one.text for one in kept]
        return {"expression": texts[0], "value": value, "evidence": "observed", "kept": texts}
    if value is not None:
        return {
            "expression": str(value),
            "value": value,
            "evidence": "observed",
            "kept": [str(value)],
            "reason": "no expression of the constructor explains this count",
        }
    path = bench.syntax(place.anchor.file).document.path
    raise StitchError(
        "channels-unknown",
        f"{count.name} has "
        + ", ".join(
            f"{count.of(spot)} channels in {spot.configuration.expression}"
            for spot in count.spots[:4]
        )
        + ", and no expression gives them all",
        where=f"{path}:{place.anchor.line}",
        hint="Name the configuration that you use, --build EXPR, or pass --channels EXPR, which "
        f"is evaluated after {path}:{place.anchor.line}.",
    )


def as_number(count: Count) -> dict[str, Any]:
    """The count as it was seen; None where it differs, or where no axis is known for the channels."""
    value = count.only
    expression = None if value is None else str(value)
    return {"expression": expression, "value": value, "evidence": "observed"}


def channels_read(request: AddRequest, place: Place) -> dict[str, Any]:
    """The expression that reading gives; refuses what it is not certain of."""
    if request.channels is not None:
        return {"expression": request.channels, "value": None, "evidence": "given"}
    layer = place.spots[0].layer
    # Where the block is not created by the calls' owner, another class has to name the count.
    read = layer["channels_from_root" if place.from_class else "channels_read"]
    if request.placement != "after" or read.expression is None:
        reason = read.reason or "it cannot be read"
        if request.placement != "after":
            reason = "what a layer is fed is not read"
        raise StitchError(
            "channels-unknown",
            f"the source alone does not tell the channels at {place.target}: {reason}",
            where=first_place(layer),
            hint="Let the model run (leave out --no-prove), or pass --channels EXPR.",
        )
    return {"expression": read.expression, "value": read.value, "evidence": read.evidence}


def statement_at(syntax: Syntax, span: Span) -> ast.stmt | None:
    for node in ast.walk(syntax.tree):
        if isinstance(node, ast.stmt) and syntax.document.span_of(node) == span:
            return node
    return None


def layer_sizes(survey: Survey, count: Count) -> list[str]:
    """`self.conv1.out_channels`: sizes of the layer and of the modules near it."""
    spot = count.spots[0]
    configuration = spot.configuration
    start = count.place.definition_root(count.place.spots[0])
    found = []
    wanted = count.of(spot)
    names = spot.path[len(start) :].lstrip(".").split(".")
    top = join(start, names[0])
    order = [path for path in configuration.layers if path == top or path.startswith(top + ".")]
    position = order.index(spot.path)
    inside = [path for path in order if path.startswith(spot.path + ".")]
    before = [path for path in reversed(order[:position]) if path not in inside]
    near = [spot.path, *reversed(inside), *before[:12]]
    if count.placement == "before":
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
    asked: Question, expressions: Sequence[str], answer: Mapping[str, Any]
) -> list[channel_candidates.Sample]:
    count = asked.count
    samples = []
    for expression, build in zip(expressions, answer["builds"]):
        if not build["ok"]:
            error = build["error"]
            raise StitchError(error["code"], error["message"], where=error.get("where"))
        values = values_by_owner(asked, build)
        for spot in count.spots:
            if spot.configuration.expression == expression:
                own = values.get(count.place.definition_root(spot), {})
                samples.append(channel_candidates.Sample(expression, own, count.of(spot)))
    return samples


def values_by_owner(asked: Question, report: Mapping[str, Any]) -> dict[str, Mapping[str, int]]:
    return {
        passage["owner"]: passage["values"]
        for passage in report["passages"]
        if passage["key"] == asked.key
    }


def trials_of(
    asked: Question, answer: Mapping[str, Any], number: int
) -> list[channel_candidates.Sample]:
    """Configurations with one argument changed; the axis of the channels stays where it was."""
    spot, count = asked.smallest, asked.count
    feature = spot.feature(count.placement, count.call)
    axis = feature["layout"].index("C")
    side = "output" if count.placement == "after" else "input"
    owner = count.place.definition_root(spot)
    trials = []
    for trial in answer["trials"]:
        if trial["number"] != number:
            continue
        shapes = trial["shapes"][spot.path][side]
        call = (count.call or 1) - 1
        given: Mapping[str, Any] = shapes[call] if call < len(shapes) else {}
        if spot.element is not None and side == "output":
            parts = given.get("keys") or {str(n): p for n, p in enumerate(given.get("items", ()))}
            given = parts.get(spot.element) or {}
        shape = given.get("shape")
        values = values_by_owner(asked, trial)
        if shape is not None and len(shape) == len(feature["layout"]) and owner in values:
            trials.append(channel_candidates.Sample(trial["argument"], values[owner], shape[axis]))
    return trials
