"""Build every configuration, run it, and report each layer: where it is created and called,
what it is fed, what it gives, who reads it."""

import inspect
import os
import time
import traceback
import warnings

import torch
from torch import nn

from stitchgen.observer import inputs as model_inputs
from stitchgen.observer import layout as axes
from stitchgen.observer import trace

#: Where to try a model: the meta device gives shapes cheaply, from torch 2.1 on.
DEVICES = ["meta", None] if hasattr(torch, "get_default_device") else [None]


class Failure(Exception):
    """The model's own failure, with the place in the user's code where it happened."""

    def __init__(self, code, message, where=None, **details):
        super().__init__(message)
        self.report = {"code": code, "message": message, "where": where}
        self.report.update(details)


def failure_of(code, error, prefix):
    """The user's error, shortened to its type, first lines, and its own last line of code."""
    where = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        filename = frame.f_code.co_filename
        if trace.kind_of_file(filename) == "user" and not filename.startswith("<"):
            where = "%s:%d" % (os.path.realpath(filename), line)
    if isinstance(error, SyntaxError) and not (error.filename or "<").startswith("<"):
        where = "%s:%s" % (os.path.realpath(error.filename), error.lineno)
    text = str(error).strip().splitlines()
    text = text[0][:300] if text else ""
    return Failure(code, "%s: %s: %s" % (prefix, type(error).__name__, text), where)


def seed(number=0):
    import random
    import sys

    torch.manual_seed(number)
    random.seed(number)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(number)


def build(world, expression, device=None):
    """The model that the expression builds, from a fixed seed."""
    seed()
    try:
        if device is not None:
            with torch.device(device):
                model = world.evaluate(expression)
        else:
            model = world.evaluate(expression)
    except SystemExit as error:
        raise Failure("does-not-build", "%s calls sys.exit(%s)" % (expression, error)) from None
    except Exception as error:
        raise failure_of("does-not-build", error, "%s does not build" % expression) from error
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        raise Failure("not-a-model", "%s gives a %s, not an nn.Module" % (expression, kind))
    return model


def to_device(value, device):
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, (tuple, list)):
        return type(value)(to_device(item, device) for item in value)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    return value


def run(model, source, device=None, number=0, batch=None):
    args, kwargs = source.make(number, batch)
    if device is not None:
        args, kwargs = to_device(args, device), to_device(kwargs, device)
    seed(number)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model(*args, **kwargs)


def find_input(world, model, given, device=None, calls=None):
    """The input that the model takes: the given one, else the first guess that runs.

    `calls` then holds the records of that run alone.
    """
    model.eval()
    if given:
        try:
            source = model_inputs.Given(given, world.evaluate)
        except SyntaxError as error:
            message = "--input %s is neither a shape nor a Python expression" % error.text
            raise Failure("bad-argument", message) from None
        try:
            source.make(0)
        except Exception as error:
            raise failure_of("bad-argument", error, "--input %s" % source.describe()) from error
        candidates = [source]
    else:
        candidates = model_inputs.guesses(model)
    first = None
    for source in candidates:
        try:
            if calls is not None:
                calls.begin("eval")
            run(model, source, device)
            return source
        except SystemExit as error:
            raise Failure("does-not-run", "the forward pass calls sys.exit(%s)" % error) from None
        except Exception as error:
            first = first or error
    tried = "input " if given else "an input guessed as "
    prefix = "the model does not run on %s%s" % (tried, candidates[0].describe())
    failure = failure_of("does-not-run", first, prefix)
    failure.report["takes"] = model_inputs.takes(model)
    raise failure


def survey(world, request):
    """`{"builds": [...], "classes": {...}}` for the builds of the request."""
    given = request.get("inputs") or []
    brief = set(request.get("brief") or ())
    builds = []
    classes = {}
    for expression in request["builds"]:
        started = time.time()
        try:
            devices = DEVICES[-1:] if request.get("strides") else DEVICES
            report = survey_build(world, expression, given, classes, expression in brief, devices)
        except Failure as failure:
            report = {"ok": False, "error": failure.report}
        report["expression"] = expression
        report["seconds"] = round(time.time() - started, 3)
        builds.append(report)
    return {"builds": builds, "classes": classes, "stood_in": world.stood_in}


def survey_build(world, expression, given, classes, brief, devices):
    """The report of one configuration; a brief one is run once, in eval."""
    for device in devices:
        definitions = trace.Definitions()
        try:
            with definitions:
                model = build(world, expression, device)
            calls = trace.Calls(model, trace.Sources())
            with calls:
                source = find_input(world, model, given, device, calls)
                return survey_model(model, source, calls, definitions, device, classes, brief)
        except Exception:
            # The meta device gives shapes cheaply, but not every model allows it.
            if device is None:
                raise


def survey_model(model, source, calls, definitions, device, classes, brief):
    """The report of a model whose run in eval is in `calls`."""
    calls.settle()
    base = calls.records
    variants = []
    for number, variant in enumerate(source.variants()):
        if number == 0 or brief:
            continue
        calls.begin("variant")
        try:
            run(model, variant, device, number)
            variants.append(calls.records)
        except Exception:
            # A fixed size is no fault: the axes are told apart by other means.
            variants.append(None)
    model.train()
    calls.begin("train")
    train_error = None
    try:
        if not brief:
            run(model, source, device, batch=train_batch(source))
    except Exception as error:
        train_error = "%s: %s" % (type(error).__name__, str(error).splitlines()[:1])
    train = calls.records
    layers = Layers(model, definitions, classes, calls.weights_read)
    report = layers.report(base, variants, train)
    return {
        "ok": True,
        "class_key": class_key(type(model), classes),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "input": source.describe(),
        "device": device or "cpu",
        "train_error": train_error,
        "layers": report,
    }


def train_batch(source):
    """Batch statistics need more than one sample; None leaves the batch as it is given."""
    shapes = getattr(source, "shapes", None)
    return 2 if shapes and all(sizes and sizes[0] == 1 for sizes, _ in shapes) else None


def class_key(kind, classes):
    """`module:QualName`, and on the way note where that class and its bases are written."""
    key = "%s:%s" % (kind.__module__, kind.__qualname__)
    if key not in classes:
        classes[key] = None
        try:
            file = os.path.realpath(inspect.getsourcefile(kind) or "")
        except (TypeError, OSError):
            file = ""
        forward = getattr(kind, "forward", None)
        code = getattr(inspect.unwrap(forward), "__code__", None) if forward else None
        classes[key] = {
            "name": kind.__qualname__,
            "module": kind.__module__,
            "file": file,
            "forward_file": os.path.realpath(code.co_filename) if code else None,
            "bases": [class_key(base, classes) for base in kind.__mro__[1:] if base is not object],
            "sequential": issubclass(kind, nn.Sequential),
            "container": issubclass(kind, (nn.Sequential, nn.ModuleList, nn.ModuleDict)),
            "own_forward": "forward" in kind.__dict__,
        }
    return key


class Layers:
    """Gathers the records of the runs by layer."""

    def __init__(self, model, definitions, classes, weights_read):
        self.model = model
        self.weights_read = weights_read
        self.definitions = definitions
        self.classes = classes
        self.modules = dict(model.named_modules(remove_duplicate=False))
        self.canonical = {}
        for path, module in model.named_modules():
            self.canonical[id(module)] = path

    def report(self, base, variants, train):
        by_path = {}
        order = {}  # in which the layers return
        for record in base:
            by_path.setdefault(record["path"], []).append(record)
            order.setdefault(record["path"], len(order))
        varied = []
        for records in variants:
            table = {}
            for record in records or ():
                table.setdefault(record["path"], []).append(record)
            varied.append(table if records is not None else None)
        trained = {}
        for record in train:
            trained.setdefault(record["path"], []).append(record)
        readers = self.readers(base)
        hints = self.hints(base)
        layers = []
        for path, module in self.modules.items():
            if not path:
                continue
            name = self.canonical[id(module)]
            own = by_path.get(name, [])
            layer = {
                "path": path,
                "same_as": name if name != path else None,
                "class_key": class_key(type(module), self.classes),
                "owner_class": class_key(type(self.parent(path)), self.classes),
                "calls": {"eval": len(own), "train": len(trained.get(name, []))},
                "sites": sites_of(own + trained.get(name, [])),
                "definition": self.definition(path),
                "readers": readers.get(name, []),
                "weights_read": self.weights_read.get(name),
                "scripted": isinstance(module, torch.jit.ScriptModule),
                "sizes": sizes_of(module),
                "attributes": attributes_of(module),
                "parameters": sum(p.numel() for p in module.parameters()),
            }
            if own:
                layer["output"] = own[0]["output"]
                layer["inputs"] = own[0]["inputs"]
                layer["order"] = order[name]
                layer["arguments"] = own[0]["arguments"]
                layer["overwrites"] = any(record["overwrites"] for record in own)
                layer["overwritten"] = any(record["overwritten"] for record in own)
                given, fed = hints.get(name), hints.get((name, "input"))
                features = [
                    {
                        "gives": self.feature(name, number, own, varied, "output", given),
                        "takes": self.feature(name, number, own, varied, "input", fed),
                    }
                    for number in range(len(own))
                ]
                layer["features"] = features  # by call
                layer["elements"] = {
                    key: [
                        self.feature(name, number, own, varied, "output", given, key)
                        for number in range(len(own))
                    ]
                    for key in trace.elements(own[0]["output"])
                }
            layers.append(layer)
        return layers

    def parent(self, path):
        return self.modules[path.rpartition(".")[0]]

    def feature(self, name, number, own, varied, side, hint, element=None):
        """Layout, channels, dims of what one call gives or takes; None for what is no tensor."""

        def tensor(record):
            value = record["output"] if side == "output" else (record["inputs"] or [{}])[0]
            return value if element is None else trace.elements(value).get(element, {})

        def shape(record):
            return tensor(record).get("shape")

        shapes = [shape(own[number])]
        if shapes[0] is None:
            return {"layout": None, "channels": None, "dims": None}
        for table in varied:
            records = (table or {}).get(name) or ()
            if len(records) == len(own):
                shapes.append(shape(records[number]))
            elif len(shapes) == 1:
                break
        layout = axes.layout_of(shapes, hint)
        if layout is None:
            return {"layout": None, "channels": None, "dims": None}
        return {
            "layout": layout,
            "channels": shapes[0][layout.index("C")],
            "dims": {"NC": 0, "NCL": 1, "NLC": 1, "LNC": 1}.get(layout, len(layout) - 2),
            "memory": tensor(own[number]).get("memory", "contiguous"),
        }

    def hints(self, base):
        """What the types of the modules on the way say of each output's channel axis."""
        outputs = {}
        hints = {}
        last = None
        for record in base:
            name = record["path"]
            module = self.modules[name]
            hint = axes.hint_of(module)
            fed = None
            for producer in record["reads"]:
                fed = outputs.get(producer) or fed
            hints[name, "input"] = hint or fed
            if hint is None and not any(True for _ in module.children()):
                hint = fed
            elif hint is None:
                hint = last
            if hint is not None:
                hints[name] = outputs[name] = last = hint
        return hints

    def readers(self, base):
        """For each layer, the outermost layers that are fed its output itself."""
        found = {}
        for record in base:
            for producer in record["reads"]:
                reader = record["path"]
                inside = reader.startswith(producer + ".") or producer.startswith(reader + ".")
                if not inside and reader and reader != producer:
                    found.setdefault(producer, []).append(reader)
        for producer, readers in found.items():
            outer = []
            for reader in readers:
                if not any(reader.startswith(other + ".") for other in readers):
                    if reader not in outer:
                        outer.append(reader)
            found[producer] = outer
        return found

    def definition(self, path):
        """For each name of the path: the frames in which that child was registered."""
        links = []
        parent = self.model
        for name in path.split("."):
            event = self.definitions.of(parent, name)
            if event is None:
                links.append(None)
            else:
                links.append(
                    [
                        {
                            "file": trace.real(frame["file"]),
                            "line": frame["line"],
                            "function": frame["function"],
                            "first_line": frame["first_line"],
                            "self": self.canonical.get(id(frame["self"])),
                        }
                        for frame in event["frames"]
                    ]
                )
            parent = parent._modules[name]
        return links


SIZES = ("out_channels", "num_features", "num_channels", "out_features", "embedding_dim")


def sizes_of(module):
    """The integer attributes of a layer that can name its channel count."""
    sizes = {}
    for name in SIZES:
        value = getattr(module, name, None)
        if isinstance(value, int) and not isinstance(value, bool):
            sizes[name] = value
    return sizes


def attributes_of(module):
    """The public numbers, texts and tuples of numbers of a layer; whether it has a bias."""
    found = {}
    for name, value in vars(module).items():
        items = value if isinstance(value, tuple) else (value,)
        if not name.startswith("_") and all(
            item is None or isinstance(item, (bool, int, float, str)) for item in items
        ):
            found[name] = value
    if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
        found["bias"] = module.bias is not None
    return found


def sites_of(records):
    """The distinct call sites of some calls, each with its modes and the numbers of its calls.

    Calls are numbered from 1 within one forward pass, in eval.
    """
    found = {}
    number = 0
    for record in records:
        site = dict(record["site"])
        key = repr(sorted(site.items(), key=str))
        entry = found.setdefault(key, dict(site, modes=[], numbers=[]))
        if record["mode"] not in entry["modes"]:
            entry["modes"].append(record["mode"])
        if record["mode"] == "eval":
            number += 1
            entry["numbers"].append(number)
    return list(found.values())
