"""How many channels a block gets, as an expression of the constructor.

`channel_candidates` offers the candidates; here the backend evaluates them, at the very place where
the block will be constructed, in every configuration that was seen.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stitchgen.analysis.backend import Evaluation, Passages, Questions, Trial
from stitchgen.analysis.layer_facts import NOT_SEEN, Failure, Feature, LayerFacts, Side
from stitchgen.analysis.steps import access
from stitchgen.analysis.survey import LayerInstance, join
from stitchgen.errors import InternalError, StitchError
from stitchgen.planning import channel_candidates
from stitchgen.planning.channel_candidates import Candidate, Sample
from stitchgen.planning.elements import not_a_tensor
from stitchgen.planning.plan import Planning
from stitchgen.planning.point import InsertionPoint, NamedChannels
from stitchgen.project.workspace import Workspace
from stitchgen.rewrite.constructor import DefinitionPoint, define
from stitchgen.source.document import Span
from stitchgen.source.edits import Edit
from stitchgen.source.syntax import Function, Syntax
from stitchgen.source.tree import nodes_in

PROBE = "__stitchgen_probe__"
#: How many of the layers behind one are asked what they take.
NEXT = 6


def feature_at(planning: Planning, point: InsertionPoint, *, any_layout: bool = False) -> Feature:
    """Layout and dims of the tensor that the block is fed, which all instances have in common.

    With `any_layout` it does not matter which axis is which, and the layout may be None.
    """
    side, calls = planning.request.placement.fed, point.calls
    features = []
    for one in calls.instances:
        if not one.facts.features:
            continue
        if side == "output" and not one.facts.output.is_tensor and one.element is None:
            raise not_a_tensor(one, point.target)
        features.append(one.feature(side, calls.number))
    if not features:
        raise StitchError(
            "never-called",
            f"{point.target} is called in train alone; the axes of its feature are seen in eval",
            where=calls.where,
            hint="Name a configuration that calls it in eval, too: --build EXPR",
        )
    layouts = {feature.layout for feature in features}
    if None in layouts and planning.survey.read:
        raise StitchError(
            "channels-unknown",
            f"the source alone does not tell the axes and channels of the feature at {point.target}",
            where=calls.where,
            hint="Let the model run (leave out --no-prove).",
        )
    if (len(layouts) > 1 or None in layouts) and not any_layout:
        raise layout_ambiguous(point, side)
    return features[0]


def layout_ambiguous(point: InsertionPoint, side: Side) -> StitchError:
    """That nothing tells which axis of a feature is which, with the nearest layers of which it is known."""
    first = point.calls.first
    shape = first.facts.value(side).shape
    order = by_order(first.facts)
    known = [
        layer
        for layer in first.configuration.layers.values()
        if layer.features and layer.features[0].output.layout
    ]
    before = max((one for one in known if by_order(one) < order), key=by_order, default=None)
    after = min((one for one in known if by_order(one) > order), key=by_order, default=None)
    named = [
        f"{one.path} {where} it ({one.features[0].output.layout})"
        for one, where in ((before, "before"), (after, "after"))
        if one is not None
    ]
    sized = f" of {'x'.join(map(str, shape))}" if shape is not None else ""
    instead = (
        f"The axes are known at {' and '.join(named)}: name a layer there; or p" if named else "P"
    )
    return StitchError(
        "layout-ambiguous",
        f"the axes of the feature{sized} at {point.target} could not be determined",
        where=point.calls.where,
        hint=f"{instead}ass an --input whose sizes all differ, the batch as well.",
    )


def by_order(layer: LayerFacts) -> int:
    return layer.order or 0


@dataclass(frozen=True)
class Count:
    """The channels of a tensor that a layer gives or takes, to be named where a block is defined."""

    point: InsertionPoint
    name: str  # of the layer
    instances: tuple[LayerInstance, ...]  # of the layer, one for each of the point's
    side: Side
    creating: Span  # the statement that creates the layer
    number: int | None = None  # of the call

    def of(self, instance: LayerInstance) -> int:
        channels = instance.feature(self.side, self.number).channels
        if channels is None:
            raise StitchError(
                "channels-unknown",
                f"the channels of {self.name} are not known in "
                f"{instance.configuration.expression}",
                where=instance.facts.where,
                hint="Pass --channels EXPR.",
            )
        return channels

    def by_call(self, instance: LayerInstance) -> list[int | None]:
        """The counts of the calls meant, in their order."""
        if self.number is not None:
            return [instance.feature(self.side, self.number).channels]
        return [feature.channels for feature in instance.features(self.side)]

    @property
    def only(self) -> int | None:
        """The count, where it is one number for all configurations and calls."""
        counts = {count for one in self.instances for count in self.by_call(one)}
        return counts.pop() if len(counts) == 1 else None


def count_at(point: InsertionPoint, side: Side) -> Count:
    """Of what the point's own layer gives or takes."""
    calls = point.calls
    creating = point.definition.creating
    return Count(point, point.target, calls.instances, side, creating, calls.number)


@dataclass(frozen=True)
class Question:
    """What the backend is to evaluate for one count: candidates, where the block will be defined."""

    key: str
    count: Count
    ranked: Sequence[Candidate]
    smallest: LayerInstance  # the cheapest configuration in which arguments are changed
    handed_in: bool = False  # the constructor is given the layer, which was built elsewhere

    @property
    def trial(self) -> tuple[str, str]:
        """The configuration, and the class one of whose arguments is changed."""
        return self.smallest.configuration.expression, self.count.point.class_name


def channel_expressions(planning: Planning, counts: Sequence[Count]) -> list[NamedChannels]:
    """For each count the expression that names it in every configuration, and the others that do.

    The backend is asked once for all: a pattern may mean dozens of points.
    """
    questions = [question(planning, count, str(number)) for number, count in enumerate(counts)]
    if not questions:
        return []
    workspace = planning.workspace
    builds = list(
        dict.fromkeys(one.configuration.expression for count in counts for one in count.instances)
    )
    trials: dict[tuple[str, str], dict[str, int]] = {}
    for asked in questions:
        layers = trials.setdefault(asked.trial, {})
        path = asked.smallest.path
        layers[path] = max(layers.get(path, 0), asked.count.number or 1)
    asking = Questions(
        builds=builds,
        overlay=workspace.overlay(probes(workspace, questions)),
        candidates={
            asked.key: [one.text for one in asked.ranked if not one.text.isdigit()]
            for asked in questions
        },
        wanted={asked.key: asked.count.of(asked.smallest) for asked in questions},
        trials=[Trial(*trial, layers) for trial, layers in trials.items()],
    )
    evaluation = planning.backend.evaluate(asking)
    passages = dict(zip(builds, map(built, evaluation.builds)))
    numbers = {trial: number for number, trial in enumerate(trials)}
    changed = {asked.key: trials_of(asked, evaluation, numbers[asked.trial]) for asked in questions}
    for asked in questions:
        samples = samples_of(asked, passages)
        if asked.handed_in:
            # What built the layer and what its class is given are changed together, from further out.
            changed[asked.key] = changed_around(planning, asked, asking) or changed[asked.key]
        elif not channel_candidates.survivors(asked.ranked, samples, changed[asked.key]):
            seen = changed_around(planning, asked, asking)
            if channel_candidates.survivors(asked.ranked, samples, seen):
                changed[asked.key] = seen
    named = bool(planning.task.model.subject.given)
    return [
        chosen(workspace, asked, passages, changed[asked.key], named=named) for asked in questions
    ]


def changed_around(planning: Planning, asked: Question, asking: Questions) -> list[Sample]:
    """The counts where an argument of the model itself is another.

    One that a class within it shares with its neighbours cannot be changed for that class alone.
    """
    configuration = asked.smallest.configuration
    model = planning.survey.class_of(configuration)
    if model.name == asked.count.point.class_name:
        return []
    trial = Trial(
        configuration.expression, model.name, {asked.smallest.path: asked.count.number or 1}
    )
    return trials_of(asked, planning.backend.evaluate(replace(asking, trials=[trial])), 0)


def built(passages: Passages | Failure) -> Passages:
    """What a build gave; it was built before, and fails now only with the probes in it."""
    if isinstance(passages, Failure):
        raise StitchError(passages.code, passages.message, where=passages.where)
    return passages


def given(planning: Planning, point: InsertionPoint) -> NamedChannels:
    """The expression that `--channels` gives."""
    value = count_at(point, planning.request.placement.fed).only
    return NamedChannels(planning.request.channels, value, "given")


def question(planning: Planning, count: Count, key: str) -> Question:
    point = count.point.definition.point
    syntax = planning.workspace.syntax(point.file)
    function = syntax.method(*point.function.rsplit(".", 1))
    creating = statement_at(syntax, count.creating)
    sizes = layer_sizes(planning, count)
    handed_in = False
    if point.new:
        # A constructor yet to be written knows nothing but the layers.
        ranked = channel_candidates.of_layers(sizes)
    elif function is None or creating is None:
        raise InternalError(f"no constructor at {point.function}")
    else:
        wanted = {count.of(one) for one in count.instances}
        handed_in = is_handed_in(function, creating)
        ranked = channel_candidates.candidates(
            syntax,
            function,
            creating,
            sizes,
            wanted,
            inside=is_inside(count),
            given=count.side == "output",
        )
    variants = planning.survey.variants
    smallest = min(
        count.instances,
        key=lambda one: (
            one.configuration.expression in variants,
            one.configuration.parameters,
        ),
    )
    return Question(key, count, ranked, smallest, handed_in=handed_in)


def is_handed_in(function: Function, creating: ast.stmt) -> bool:
    """Whether a statement keeps a parameter as it is: `self.attention = attention`."""
    parameters = {one.arg for one in (*function.args.args, *function.args.kwonlyargs)}
    value = creating.value if isinstance(creating, (ast.Assign, ast.AnnAssign)) else None
    return isinstance(value, ast.Name) and value.id in parameters


def is_inside(count: Count) -> bool:
    """Whether the layer is part of a layer of what is created, and not that or an element of it."""
    instance, calls = count.instances[0], count.point.calls
    start = calls.definition_root(calls.first)
    names = instance.path[len(start) :].lstrip(".").split(".")
    return not all(name.isdigit() for name in names[1:])


def probes(workspace: Workspace, questions: Sequence[Question]) -> dict[str, list[Edit]]:
    """Calls of the probe at every definition point; one edit where several counts share it."""
    codes: dict[DefinitionPoint, str] = {}
    for asked in questions:
        point = asked.count.point.definition.point
        codes[point] = codes.get(point, "") + f'{PROBE}("{asked.key}", locals())\n'
    edits: dict[str, list[Edit]] = {}
    for point, code in codes.items():
        edit = define(workspace.syntax(point.file), point, code, line_length=1000)
        edits.setdefault(point.file, []).append(edit)
    return edits


def chosen(
    workspace: Workspace,
    asked: Question,
    passages: Mapping[str, Passages],
    trials: Sequence[Sample],
    *,
    named: bool,
) -> NamedChannels:
    """The best candidate that no configuration and no changed argument (`trials`) contradicts.

    `named` says that the user has named a configuration.
    """
    count = asked.count
    point, value = count.point.definition.point, count.only
    samples = samples_of(asked, passages)
    kept = channel_candidates.survivors(asked.ranked, samples, trials)
    if kept:
        texts = tuple(one.text for one in kept)
        return NamedChannels(texts[0], value, kept=texts)
    changed = next((one.build for one in trials if one.truth != value), None)
    if value is not None and changed is not None:
        path = workspace.syntax(point.file).document.path
        raise StitchError(
            "channels-unknown",
            f"{count.name} has {value} channels here and others where {changed} is another, and no "
            "expression of the constructor gives them",
            where=f"{path}:{point.line}",
            hint=f"Pass --channels EXPR, which is evaluated after {path}:{point.line}; --channels {value} keeps "
            "the number.",
        )
    if value is not None:
        return NamedChannels(
            str(value),
            value,
            kept=(str(value),),
            reason="no expression of the constructor explains this count",
        )
    path = workspace.syntax(point.file).document.path
    raise StitchError(
        "channels-unknown",
        f"{count.name} has "
        + ", ".join(
            f"{count.of(one)} channels in {one.configuration.expression}"
            for one in count.instances[:4]
        )
        + ", and no expression gives them all",
        where=f"{path}:{point.line}",
        hint=(
            f"Pass --channels EXPR, which is evaluated after {path}:{point.line}; or name elements of "
            "equal width alone."
            if named
            else "Name the configuration that you use, --build EXPR, or pass --channels EXPR, which "
            f"is evaluated after {path}:{point.line}."
        ),
    )


def as_number(count: Count) -> NamedChannels:
    """The count as it was seen; None where it differs, or where no axis is known for the channels."""
    value = count.only
    return NamedChannels(None if value is None else str(value), value)


def channels_read(planning: Planning, point: InsertionPoint) -> NamedChannels:
    """The expression that reading gives; refuses what it is not certain of."""
    request = planning.request
    facts = point.calls.first.facts
    assert facts.read is not None
    # Where the block is not created by the calls' owner, another class has to name the count.
    read = facts.read.from_root if point.calls.from_class else facts.read.beside
    fed = request.placement.fed
    if fed != "output" or read.expression is None:
        reason = read.reason or "it cannot be read"
        if fed != "output":
            reason = "what a layer is fed is not read"
        raise StitchError(
            "channels-unknown",
            f"the source alone does not tell the channels at {point.target}: {reason}",
            where=facts.where,
            hint="Let the model run (leave out --no-prove), or pass --channels EXPR.",
        )
    return NamedChannels(read.expression, read.value, read.evidence)


def statement_at(syntax: Syntax, span: Span) -> ast.stmt | None:
    for node in nodes_in(syntax.tree):
        if isinstance(node, ast.stmt) and syntax.document.span_of(node) == span:
            return node
    return None


def layer_sizes(planning: Planning, count: Count) -> list[str]:
    """`self.conv1.out_channels`: sizes of the layer and of the modules near it."""
    instance, calls = count.instances[0], count.point.calls
    configuration = instance.configuration
    start = calls.definition_root(calls.first)
    found = []
    wanted = count.of(instance)
    names = instance.path[len(start) :].lstrip(".").split(".")
    top = join(start, names[0])
    order = [path for path in configuration.layers if path == top or path.startswith(top + ".")]
    position = order.index(instance.path)
    inside = [path for path in order if path.startswith(instance.path + ".")]
    before = [path for path in reversed(order[:position]) if path not in inside]
    near = [instance.path, *reversed(inside), *before[:12]]
    if count.side == "input":
        # What feeds the layer was made by the layers before it, of whatever attribute.
        every = list(configuration.layers)
        fed_by = list(reversed(every[: every.index(instance.path)]))
        fed_by = [path for path in fed_by if not start or path.startswith(start + ".")][:40]
        near = [*fed_by, instance.path, *inside]
    # What the next ones take is what this one gives, as far as no layer in between changes it.
    after = [] if count.side == "input" else order[position + len(inside) + 1 :][:NEXT]
    for path in [*near, *after]:
        takes = count.side == "input" and (path == instance.path or path in inside)
        for name, size in configuration.layers[path].sizes.items():
            fits = name.startswith("in_") if takes or path in after else not name.startswith("in_")
            fits = fits or (path in after and name == "num_features")
            if size == wanted and fits:
                steps = planning.survey.steps(configuration, start, path)
                found.append(f"{access('self', steps)}.{name}")
    return found


def samples_of(asked: Question, passages: Mapping[str, Passages]) -> list[Sample]:
    count = asked.count
    samples = []
    for expression, values in passages.items():
        for one in count.instances:
            if one.configuration.expression == expression:
                root = count.point.calls.definition_root(one)
                own = values.get((asked.key, root), {})
                samples.append(Sample(expression, own, count.of(one)))
    return samples


def trials_of(asked: Question, evaluation: Evaluation, number: int) -> list[Sample]:
    """Configurations with one argument changed; the axis of the channels stays where it was."""
    instance, count = asked.smallest, asked.count
    layout = instance.feature(count.side, count.number).layout or ""
    axis = layout.index("C")
    owner = count.point.calls.definition_root(instance)
    trials = []
    for trial in evaluation.trials:
        if trial.trial != number:
            continue
        shapes = (trial.outputs if count.side == "output" else trial.inputs)[instance.path]
        call = (count.number or 1) - 1
        value = shapes[call] if call < len(shapes) else NOT_SEEN
        if instance.element is not None and count.side == "output":
            value = value.parts.get(instance.element, NOT_SEEN)
        values = trial.passages.get((asked.key, owner))
        if value.shape is not None and len(value.shape) == len(layout) and values is not None:
            trials.append(Sample(trial.argument, values, value.shape[axis]))
    return trials
