"""Evaluate candidate expressions in the live frame where a block would be created.

The edited text holds a probe, `__stitchgen_probe__(key, locals())`, at the very point where the
block's definition would go. It is a builtin while a model is built, so that it needs no import.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import math
import re
import sys
import time
from types import CodeType
from typing import Any, Dict, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple

import torch
from torch import nn

from stitchgen.observer import progress
from stitchgen.observer.argument_parts import (
    NothingToLearn,
    Number,
    changed,
    filled_in,
    parts_of,
)
from stitchgen.observer.failure import Failure
from stitchgen.observer.models import DEVICES, RAN_ON_META, Evaluator, build, find_input
from stitchgen.observer.protocol import (
    EvaluateAnswer,
    EvaluatedBuild,
    EvaluatedTrial,
    EvaluateRequest,
    Passage,
    Shapes,
    Trial,
    Value,
)
from stitchgen.observer.tensors.intercept import Forward
from stitchgen.observer.tracing.values import shape_of
from stitchgen.observer.variants import OtherArgument, is_integer

NAME = "__stitchgen_probe__"


class Loadable(Evaluator, Protocol):
    """What is needed of a project: its namespace, and models built in it."""

    def load(self) -> Dict[str, Any]: ...


class Probes:
    """Collects the values of the candidates at every passage through a probe."""

    def __init__(self, candidates: Mapping[str, Sequence[str]]) -> None:
        self.candidates: Dict[str, List[Tuple[str, CodeType]]] = {
            key: [(text, compile(text, "<candidate>", "eval")) for text in texts]
            for key, texts in candidates.items()
        }
        #: The key, the `self` of the constructor, and the values by candidate.
        self.passages: List[Tuple[str, object, Dict[str, int]]] = []

    def __enter__(self) -> Probes:
        setattr(builtins, NAME, self.probe)
        return self

    def __exit__(self, *exception: object) -> None:
        delattr(builtins, NAME)

    def probe(self, key: str, names: Mapping[str, Any]) -> None:
        frame = sys._getframe(1)
        values: Dict[str, int] = {}
        for text, code in self.candidates[key]:
            try:
                value = eval(code, frame.f_globals, dict(names))
            except Exception:
                continue  # it has no value here, so it does not name the count
            if is_integer(value):
                values[text] = int(value)
        self.passages.append((key, names.get("self"), values))

    def report(self, model: nn.Module) -> List[Passage]:
        """The last passage of each module of the finished model, by its path."""
        paths: Dict[int, str] = {}
        for path, module in model.named_modules():
            paths.setdefault(id(module), path)
        found: Dict[Tuple[str, str], Dict[str, int]] = {}
        for key, receiver, values in self.passages:
            if isinstance(receiver, nn.Module) and id(receiver) in paths:
                found[key, paths[id(receiver)]] = values
        return [
            {"key": key, "owner": owner, "values": values} for (key, owner), values in found.items()
        ]


def evaluate(project: Loadable, request: EvaluateRequest) -> EvaluateAnswer:
    """For each build: the candidates' values, by probe and by the module that passed it."""
    builds: Dict[str, EvaluatedBuild] = {}
    for expression in request["builds"]:
        try:
            passages = passages_of(project, expression, request["candidates"])
            builds[expression] = {"ok": True, "passages": passages}
        except Failure as failure:
            builds[expression] = {"ok": False, "error": failure.report}
    trials: List[EvaluatedTrial] = []
    for number, trial in enumerate(request["trials"]):
        progress.doing("trying other arguments of %s" % trial["class_name"])
        usual = builds[trial["build"]]
        if usual["ok"]:
            trials.extend(try_other_arguments(project, number, request, usual["passages"]))
    return {"builds": list(builds.values()), "trials": trials}


def passages_of(
    project: Loadable, expression: str, candidates: Mapping[str, Sequence[str]]
) -> List[Passage]:
    """What the candidates are in one configuration; raises `Failure`."""
    for device in DEVICES:
        try:
            with Probes(candidates) as probes:
                model = build(project, expression, device)
            return probes.report(model)
        except Exception:
            # The meta device gives shapes cheaply, but not every model allows it.
            if device is None:
                raise
    raise AssertionError("the last device is the CPU, where every failure is raised")


def doubled(value: Number) -> Number:
    """Twice an integer; half of what scales one, which builds where twice may not."""
    return value * 2 if is_integer(value) else value / 2


def one_more(value: Number) -> Number:
    return value + 1 if is_integer(value) else value * 2


CHANGES = (doubled, one_more)


#: A model that does not run on the meta device takes longer with each argument: so many seconds are spent on one class.
MOST_SECONDS = 60
#: So many arguments of a class are tried.
MOST_ARGUMENTS = 12


def try_other_arguments(
    project: Loadable, number: int, request: EvaluateRequest, usual: List[Passage]
) -> Iterator[EvaluatedTrial]:
    """Rebuild with the numbers in the arguments of the class changed one by one.

    `number` is the trial's, `usual` what the candidates are without a change. An expression that is
    right by coincidence (`num_heads * 16` for a literal 64) shows itself when an argument changes;
    a configuration that then does not build says nothing, nor does an argument that leaves all
    candidates what they are, where one of them stands for each count: a number written out stands
    only for a count that no argument changes.
    """
    trial = request["trials"][number]
    wanted = request["wanted"]
    known = {
        passage["key"] for passage in usual if wanted[passage["key"]] in passage["values"].values()
    }
    unchanged = usual if known == set(wanted) else None
    kind: Any = project.load()
    try:
        for step in trial["class_name"].split("."):
            kind = kind[step] if isinstance(kind, dict) else getattr(kind, step)
        parameters = list(inspect.signature(kind.__init__).parameters)[1:]
    except (KeyError, AttributeError, TypeError, ValueError):
        return
    place = Place(project, trial, request)
    for name in likeliest_first(parameters, usual, wanted)[:MOST_ARGUMENTS]:
        for part in parts_of(kind, name):
            if time.monotonic() > place.end:
                return
            try:
                for change in CHANGES:
                    other = OtherArgument(kind, name, changed(part, change, filled_in(kind, name)))
                    seen = place.run(other, unchanged)
                    if not other.called:
                        return  # the configuration makes none of this class
                    if seen is not None:
                        passages, shapes = seen
                        yield {
                            "number": number,
                            "argument": name,
                            "passages": passages,
                            "shapes": shapes,
                        }
                        break
            except NothingToLearn:
                continue
            if part is None:
                break  # an integer has no parts


def likeliest_first(
    parameters: Sequence[str], usual: Sequence[Passage], wanted: Mapping[str, int]
) -> List[str]:
    """The arguments, first those that the candidates name which equal a count: one may do so by accident."""
    named = {
        word
        for passage in usual
        for text, value in passage["values"].items()
        if value == wanted[passage["key"]]
        for word in re.findall(r"\w+", text)
    }
    return sorted(parameters, key=lambda name: name not in named)


Seen = Tuple[List[Passage], Dict[str, Shapes]]


class Place:
    """Where the trials of a configuration run: on the meta device, or on the CPU where it does not run there as it is."""

    def __init__(self, project: Loadable, trial: Trial, request: EvaluateRequest) -> None:
        self.project, self.trial, self.request = project, trial, request
        self.device = DEVICES[0]
        self.known = trial["build"] in RAN_ON_META
        self.end = math.inf

    def run(self, other: OtherArgument, unchanged: Optional[List[Passage]]) -> Optional[Seen]:
        with other:
            seen = run_trial(self.project, self.trial, self.request, unchanged, self.device)
        if seen is not None or self.known or self.device is None:
            return seen
        self.known = True
        if run_trial(self.project, self.trial, self.request, None, self.device) is not None:
            return None
        self.device, self.end = None, time.monotonic() + MOST_SECONDS
        with other:
            return run_trial(self.project, self.trial, self.request, unchanged, None)


class Reached(BaseException):
    """Every target has been called; no `except Exception` of a model is to stop it."""


class Targets:
    """What some layers are fed and return, as shapes, until each has been called as often as asked."""

    def __init__(self, model: nn.Module, wanted: Mapping[str, int]) -> None:
        self.wanted = wanted
        modules = dict(model.named_modules())
        modules = {path: modules[path] for path in wanted if path in modules}
        scripted = torch.jit.ScriptModule  # takes no other forward
        self.modules = {p: m for p, m in modules.items() if not isinstance(m, scripted)}
        self.begin(None)

    def begin(self, mode: Optional[str]) -> None:
        """Forget what was seen: a run begins."""
        self.shapes: Dict[str, Shapes] = {path: {"output": [], "input": []} for path in self.wanted}

    def __enter__(self) -> Targets:
        self.saved: Dict[str, Optional[Forward]] = {
            path: module.__dict__.get("forward") for path, module in self.modules.items()
        }
        for path, module in self.modules.items():
            object.__setattr__(module, "forward", self.wrap(path, module.forward))
        return self

    def __exit__(self, *exception: object) -> None:
        for path, module in self.modules.items():
            if self.saved[path] is None:
                module.__dict__.pop("forward", None)
            else:
                object.__setattr__(module, "forward", self.saved[path])

    def wrap(self, path: str, forward: Forward) -> Forward:
        def forward_with_shapes(*args: Any, **kwargs: Any) -> Any:
            fed: Value = shape_of(args[0]) if args else {}
            result = forward(*args, **kwargs)
            seen = self.shapes[path]
            seen["input"].append(fed)
            seen["output"].append(shape_of(result))
            if all(len(self.shapes[p]["output"]) >= self.wanted[p] for p in self.modules):
                raise Reached
            return result

        return forward_with_shapes


def run_trial(
    project: Loadable,
    trial: Trial,
    request: EvaluateRequest,
    unchanged: Optional[List[Passage]],
    device: Optional[str],
) -> Optional[Seen]:
    """What the candidates are, and the targets' shapes; None where it does not build or run.

    Raises `NothingToLearn` where the candidates are as in `unchanged`.
    """
    try:
        with Probes(request["candidates"]) as probes:
            model = build(project, trial["build"], device)
        passages = probes.report(model)
        if passages == unchanged:
            raise NothingToLearn
        targets = Targets(model, trial["targets"])
        if not targets.modules:
            return None
        # What comes after the targets does not concern the candidates, and is half the time.
        with contextlib.suppress(Reached), targets:
            find_input(project, model, request.get("inputs") or [], device, targets)
    except Exception:
        # Most changes of one argument make a configuration that fits nothing.
        return None
    return passages, targets.shapes
