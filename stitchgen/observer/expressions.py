"""Evaluate candidate expressions in the live frame where a block would be created.

The edited text holds a probe, `__stitchgen_probe__(key, locals())`, at the very place where the
block's definition would go. It is a builtin while a world is built, so that it needs no import.
"""

import builtins
import inspect
import sys

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
    builds = []
    for expression in request["builds"]:
        try:
            builds.append(on_some_device(world, expression, request["candidates"]))
        except layers.Failure as failure:
            builds.append({"ok": False, "error": failure.report})
    trials = []
    for number, trial in enumerate(request.get("trials", ())):
        for report in try_other_arguments(world, trial, request):
            trials.append(dict(report, number=number))
    return {"builds": builds, "trials": trials}


def on_some_device(world, expression, candidates):
    for device in layers.DEVICES:
        try:
            with Probes(candidates) as probes:
                model = layers.build(world, expression, device)
            return {"ok": True, "passages": probes.report(model)}
        except Exception:
            if device is None:
                raise


class OtherArgument:
    """Calls the constructor of a class with one integer, or one of a list of integers, changed."""

    def __init__(self, kind, name, element, change):
        self.kind, self.name, self.element, self.change = kind, name, element, change
        self.changed = False

    def __enter__(self):
        self.original = original = self.kind.__init__
        signature = inspect.signature(original)
        outer = self

        def __init__(instance, *args, **kwargs):
            try:
                bound = signature.bind(instance, *args, **kwargs)
                bound.apply_defaults()
                if outer.name in bound.arguments:
                    value = outer.other(bound.arguments[outer.name])
                    bound.arguments[outer.name] = value
                args, kwargs = bound.args[1:], bound.kwargs
            except TypeError:
                pass
            original(instance, *args, **kwargs)

        self.kind.__init__ = __init__
        return self

    def __exit__(self, *exception):
        self.kind.__init__ = self.original

    def other(self, value):
        """The value with the change, or as it is where it does not fit."""
        if self.element is None:
            if is_integer(value):
                self.changed = True
                return self.change(value)
        elif isinstance(value, (list, tuple)) and len(value) > self.element:
            if all(is_integer(item) for item in value):
                self.changed = True
                items = list(value)
                items[self.element] = self.change(items[self.element])
                return type(value)(items)
        return value


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def try_other_arguments(world, trial, request):
    """Rebuild with the integer arguments of the class changed one by one.

    An expression that is right by coincidence (`num_heads * 16` for a literal 64) shows itself
    when an argument changes; a configuration that then does not build says nothing.
    """
    kind = world.load()
    try:
        for part in trial["class"].split("."):
            kind = kind[part] if isinstance(kind, dict) else getattr(kind, part)
        parameters = list(inspect.signature(kind.__init__).parameters)[1:]
    except (KeyError, AttributeError, TypeError, ValueError):
        return []
    found = []
    for name in parameters[:12]:
        for element in (None, 0, 1, 2, 3):
            report = try_argument(world, trial, request, kind, name, element)
            if report is not None:
                found.append(dict(report, argument=name))
                if element is None:
                    break
    return found


def try_argument(world, trial, request, kind, name, element):
    """The report of the first change of the argument that builds and runs, or None."""
    for change in (lambda value: value * 2, lambda value: value + 1):
        with OtherArgument(kind, name, element, change) as other:
            try:
                report = run_trial(world, trial, request)
            except Exception:
                report = None
        if not other.changed:
            return None
        if report is not None:
            return report
    return None


def run_trial(world, trial, request):
    device = layers.DEVICES[0]
    with Probes(request["candidates"]) as probes:
        model = layers.build(world, trial["build"], device)
    calls = trace.Calls(model, trace.Sources())
    with calls:
        layers.find_input(world, model, request.get("inputs") or [], device, calls)
    shapes = {path: {"output": [], "input": []} for path in trial["targets"]}
    for record in calls.records:
        if record["path"] in shapes:
            of = shapes[record["path"]]
            of["output"].append(record["output"])
            of["input"].append((record["inputs"] or [{}])[0])
    return {"passages": probes.report(model), "shapes": shapes}
