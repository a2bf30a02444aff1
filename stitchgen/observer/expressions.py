"""Evaluate candidate expressions in the live frame where a block would be created.

The edited text holds a probe, `__stitchgen_probe__(key, locals())`, at the very place where the
block's definition would go. It is a builtin while a world is built, so that it needs no import.
"""

import builtins
import contextlib
import inspect
import sys

import torch
from torch import nn

from stitchgen.observer import survey as layers
from stitchgen.observer import trace

NAME = "__stitchgen_probe__"


class Probes:
    """Collects the values of the candidates at every passage through a probe."""

    def __init__(self, candidates):
        self.candidates = {
            key: [(text, compile(text, "<candidate>", "eval")) for text in texts]
            for key, texts in candidates.items()
        }
        self.passages = []

    def __enter__(self):
        setattr(builtins, NAME, self.probe)
        return self

    def __exit__(self, *exception):
        delattr(builtins, NAME)

    def probe(self, key, names):
        frame = sys._getframe(1)
        values = {}
        for text, code in self.candidates[key]:
            try:
                value = eval(code, frame.f_globals, dict(names))
            except Exception:
                continue
            if isinstance(value, int) and not isinstance(value, bool):
                values[text] = value
        self.passages.append((key, names.get("self"), values))

    def report(self, model):
        """The last passage of each module of the finished model, by its path."""
        paths = {}
        for path, module in model.named_modules():
            paths.setdefault(id(module), path)
        found = {}
        for key, receiver, values in self.passages:
            if isinstance(receiver, nn.Module) and id(receiver) in paths:
                found[key, paths[id(receiver)]] = values
        return [
            {"key": key, "owner": owner, "values": values} for (key, owner), values in found.items()
        ]


def evaluate(world, request):
    """For each build: the candidates' values, by probe and by the module that passed it."""
    builds = {}
    for expression in request["builds"]:
        try:
            builds[expression] = on_some_device(world, expression, request["candidates"])
        except layers.Failure as failure:
            builds[expression] = {"ok": False, "error": failure.report}
    trials = []
    for number, trial in enumerate(request.get("trials", ())):
        usual = builds[trial["build"]]
        if usual["ok"]:
            for report in try_other_arguments(world, trial, request, usual["passages"]):
                trials.append(dict(report, number=number))
    return {"builds": list(builds.values()), "trials": trials}


def on_some_device(world, expression, candidates):
    for device in layers.DEVICES:
        try:
            with Probes(candidates) as probes:
                model = layers.build(world, expression, device)
            return {"ok": True, "passages": probes.report(model)}
        except Exception:
            if device is None:
                raise


class NothingToLearn(BaseException):
    """An argument is neither an integer nor a list of them, or no candidate depends on it."""


class OtherArgument:
    """Calls the constructor of a class with one integer, or one of a list of integers, changed.

    Where the value is neither, the build ends there with `NothingToLearn`.
    """

    def __init__(self, kind, name, element, change):
        self.kind, self.name, self.element, self.change = kind, name, element, change
        self.called = False

    def __enter__(self):
        self.original = original = self.kind.__init__
        signature = inspect.signature(original)
        outer = self

        def __init__(instance, *args, **kwargs):
            outer.called = True
            bound = signature.bind(instance, *args, **kwargs)
            bound.apply_defaults()
            bound.arguments[outer.name] = outer.other(bound.arguments.get(outer.name))
            original(*bound.args, **bound.kwargs)

        self.kind.__init__ = __init__
        return self

    def __exit__(self, *exception):
        self.kind.__init__ = self.original

    def other(self, value):
        if self.element is None:
            if is_integer(value):
                return self.change(value)
        elif isinstance(value, (list, tuple)) and len(value) > self.element:
            if all(is_integer(item) for item in value):
                items = list(value)
                items[self.element] = self.change(items[self.element])
                return type(value)(items)
        raise NothingToLearn


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


CHANGES = (lambda value: value * 2, lambda value: value + 1)


def try_other_arguments(world, trial, request, usual):
    """Rebuild with the integer arguments of the class changed one by one.

    An expression that is right by coincidence (`num_heads * 16` for a literal 64) shows itself
    when an argument changes; a configuration that then does not build says nothing, nor does an
    argument that leaves all candidates what they are, where one of them stands for each count: a
    number written out stands only for a count that no argument changes.
    """
    kind = world.load()
    wanted = request["wanted"]
    known = {
        passage["key"] for passage in usual if wanted[passage["key"]] in passage["values"].values()
    }
    idle = usual if known == set(wanted) else None
    try:
        for part in trial["class_name"].split("."):
            kind = kind[part] if isinstance(kind, dict) else getattr(kind, part)
        parameters = list(inspect.signature(kind.__init__).parameters)[1:]
    except (KeyError, AttributeError, TypeError, ValueError):
        return
    for name in parameters[:12]:
        for element in (None, 0, 1, 2, 3):
            try:
                for change in CHANGES:
                    with OtherArgument(kind, name, element, change) as other:
                        report = run_trial(world, trial, request, idle)
                    if not other.called:
                        return  # the configuration makes none of this class
                    if report is not None:
                        yield dict(report, argument=name)
                        break
            except NothingToLearn:
                continue
            if element is None:
                break  # an integer has no elements


class Reached(BaseException):
    """Every target has been called; no `except Exception` of a model is to stop it."""


class Targets:
    """What some layers are fed and give, as shapes, until each has been called as often as asked."""

    def __init__(self, model, wanted):
        self.wanted = wanted
        modules = dict(model.named_modules())
        modules = {path: modules[path] for path in wanted if path in modules}
        scripted = torch.jit.ScriptModule  # takes no other forward
        self.modules = {p: m for p, m in modules.items() if not isinstance(m, scripted)}
        self.begin(None)

    def begin(self, mode):
        """Forget what was seen: a run begins."""
        self.shapes = {path: {"output": [], "input": []} for path in self.wanted}

    def __enter__(self):
        self.saved = {path: m.__dict__.get("forward") for path, m in self.modules.items()}
        for path, module in self.modules.items():
            object.__setattr__(module, "forward", self.wrap(path, module.forward))
        return self

    def __exit__(self, *exception):
        for path, module in self.modules.items():
            if self.saved[path] is None:
                module.__dict__.pop("forward", None)
            else:
                object.__setattr__(module, "forward", self.saved[path])

    def wrap(self, path, forward):
        def forward_with_shapes(*args, **kwargs):
            fed = trace.shape_of(args[0]) if args else {}
            result = forward(*args, **kwargs)
            seen = self.shapes[path]
            seen["input"].append(fed)
            seen["output"].append(trace.shape_of(result))
            if all(len(self.shapes[p]["output"]) >= self.wanted[p] for p in self.modules):
                raise Reached
            return result

        return forward_with_shapes


def run_trial(world, trial, request, idle):
    """What the candidates are, and the targets' shapes; None where it does not build or run."""
    device = layers.DEVICES[0]
    try:
        with Probes(request["candidates"]) as probes:
            model = layers.build(world, trial["build"], device)
        passages = probes.report(model)
        if passages == idle:
            raise NothingToLearn
        targets = Targets(model, trial["targets"])
        if not targets.modules:
            return None
        # What comes after the targets is no concern of the candidates, and half the time.
        with contextlib.suppress(Reached), targets:
            layers.find_input(world, model, request.get("inputs") or [], device, targets)
    except Exception:
        return None
    return {"passages": passages, "shapes": targets.shapes}
