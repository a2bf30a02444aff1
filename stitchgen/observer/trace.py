"""Where layers are created and where they are called: the frames of the user's code.

Definition sites come from wrapping the ways in which a module takes a child; call sites from
wrapping the `forward` of every instance, which sees `m(x)` and `m.forward(x)` alike. In both
cases the frames outside torch tell the place.
"""

import ast
import contextlib
import functools
import linecache
import os
import sys

import torch
from torch import nn

TORCH = os.path.dirname(os.path.realpath(torch.__file__)) + os.sep
HERE = os.path.dirname(os.path.realpath(__file__)) + os.sep

_kinds = {}  # type: dict[str, str]


@functools.lru_cache(maxsize=None)
def real(path):
    """The path without symbolic links; asked for the same few files again and again."""
    return os.path.realpath(path)


def kind_of_file(filename):
    """`torch`, `observer`, or `user` for all else."""
    kind = _kinds.get(filename)
    if kind is None:
        path = os.path.realpath(filename)
        if path.startswith(TORCH):
            kind = "torch"
        elif path.startswith(HERE) or filename.startswith("<frozen"):
            kind = "observer"
        else:
            kind = "user"
        _kinds[filename] = kind
    return kind


class Definitions:
    """Records who registered which child module, and from where, while models are built."""

    def __init__(self):
        self.events = {}  # (id of parent, name) -> event; the last registration wins
        self.by_class = {}  # (class of parent, name) -> event, for deep copies
        self.kept = []  # strong references, so that no id is used twice

    def __enter__(self):
        self.saved = {}
        for name in ("__setattr__", "add_module", "register_module"):
            original = getattr(nn.Module, name, None)
            if original is not None:
                self.saved[nn.Module, name] = original
                setattr(nn.Module, name, self.wrap(original, name))
        original = nn.ModuleList.insert
        self.saved[nn.ModuleList, "insert"] = original
        nn.ModuleList.insert = self.wrap_insert(original)
        return self

    def __exit__(self, *exception):
        for (owner, name), original in self.saved.items():
            setattr(owner, name, original)

    def wrap(self, original, method):
        definitions = self

        def method_with_record(parent, name, value):
            original(parent, name, value)
            if isinstance(value, nn.Module):
                definitions.record(parent, name, value, sys._getframe(1))

        def register_with_record(parent, name, module):
            original(parent, name, module)
            if module is not None:
                definitions.record(parent, name, module, sys._getframe(1))

        return method_with_record if method == "__setattr__" else register_with_record

    def wrap_insert(self, original):
        definitions = self

        def insert(parent, index, module):
            original(parent, index, module)
            for name, child in parent._modules.items():
                if child is module:
                    definitions.record(parent, name, child, sys._getframe(1))

        return insert

    def record(self, parent, name, child, frame):
        frames = []
        while frame is not None:
            code = frame.f_code
            if kind_of_file(code.co_filename) == "user":
                receiver = None
                if code.co_varnames and code.co_argcount:
                    receiver = frame.f_locals.get(code.co_varnames[0])
                frames.append(
                    {
                        "file": code.co_filename,
                        "line": frame.f_lineno,
                        "function": code.co_name,
                        "first_line": code.co_firstlineno,
                        "self": receiver if isinstance(receiver, nn.Module) else None,
                    }
                )
            elif code.co_name == "evaluate" and kind_of_file(code.co_filename) == "observer":
                break
            frame = frame.f_back
        event = {"child": child, "frames": frames}
        self.kept.append((parent, child))
        self.events[id(parent), name] = event
        self.by_class[type(parent), name] = event

    def of(self, parent, name):
        """The event that put the child `name` into `parent`, or None."""
        event = self.events.get((id(parent), name))
        if event is not None:
            return event
        return self.by_class.get((type(parent), name))


class Sources:
    """Parsed source files and, in them, the call expression that a frame is executing."""

    def __init__(self):
        self.calls = {}

    def calls_of(self, filename):
        """The file's calls by where they end: `{(line, column): [(node, function name)]}`."""
        found = self.calls.get(filename)
        if found is None:
            found = self.calls[filename] = calls_in("".join(linecache.getlines(filename)))
        return found

    def call_at(self, frame, names_the_module):
        """The call that `frame` executes: `(node, function, certain)`, or None.

        `names_the_module(frame, call)` says how the call's function is the module looked for:
        a string, or None. Positions of calls are matched by their end, since CPython 3.11 to
        3.13 report a late start for attributes that span lines.
        """
        code = frame.f_code
        end = end_of_instruction(code, frame.f_lasti)
        line = frame.f_lineno
        candidates = []
        by_end = self.calls_of(code.co_filename)
        if end is not None:
            near = by_end.get(end, ())
        else:
            near = [
                call
                for calls in by_end.values()
                for call in calls
                if call[0].lineno <= line <= call[0].end_lineno
            ]
        for node, function in near:
            how = names_the_module(frame, node)
            if how is not None:
                candidates.append((node, function, how))
        if not candidates:
            return None
        if end is None and len(candidates) > 1:
            return None
        return candidates[0]


def calls_in(text):
    """All calls of a source text by where they end; parsed once however often a model is traced."""
    found = _calls.get(text)
    if found is None:
        found = _calls[text] = {}
        with contextlib.suppress(SyntaxError, ValueError):
            collect_calls(ast.parse(text), "", found)
    return found


_calls = {}  # type: dict[str, dict]


def end_of_instruction(code, index):
    """`(line, UTF-8 column)` where the executing instruction's source ends; None before 3.11."""
    if not hasattr(code, "co_positions"):
        return None
    ends = _ends.get(code)
    if ends is None:
        ends = _ends[code] = [(line, column) for _, line, _, column in code.co_positions()]
    end = ends[index // 2] if index // 2 < len(ends) else (None, None)
    return None if None in end else end


_ends = {}  # type: dict


def collect_calls(node, scope, found):
    """Add all calls below `node` to `found`, each with the qualified name of its function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            collect_calls(child, scope + "." + child.name if scope else child.name, found)
            continue
        if isinstance(child, ast.Call):
            end = (child.end_lineno, child.end_col_offset)
            found.setdefault(end, []).append((child, scope))
        collect_calls(child, scope, found)


PURE_NODES = (
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Constant,
    ast.UnaryOp,
    ast.unaryop,
    ast.BinOp,
    ast.operator,
    ast.BoolOp,
    ast.boolop,
    ast.Compare,
    ast.cmpop,
    ast.IfExp,
    ast.Dict,
    ast.List,
    ast.Tuple,
    ast.Load,
    ast.Index if hasattr(ast, "Index") else ast.Load,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.Slice,
)

#: Builtins and methods that only read: `getattr(self, "conv" + str(i))`, `"conv{}".format(i)`.
READING_FUNCTIONS = {"getattr", "str", "int", "len", "list", "tuple", "min", "max", "abs"}
READING_METHODS = {"format", "children", "keys", "values", "items", "get", "get_submodule"}


def evaluate_pure(node, frame):
    """The value of an expression that only reads, in a live frame; None if it may do more."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            if not is_pure_call(part, frame):
                return None
        elif not isinstance(part, (*PURE_NODES, ast.keyword)):
            return None
    try:
        code = compile(ast.Expression(node), "<call site>", "eval")
        return eval(code, frame.f_globals, dict(frame.f_locals))
    except Exception:
        return None


def is_pure_call(call, frame):
    """Whether it calls a builtin that only reads, or a method of that name."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in READING_METHODS
    if not isinstance(call.func, ast.Name) or call.func.id not in READING_FUNCTIONS:
        return False
    return call.func.id not in frame.f_locals and call.func.id not in frame.f_globals


def owner_of(frame):
    """`(name, module)` of the module in whose method the frame runs, or None.

    A function nested in a method (a closure given to checkpoint, a comprehension) belongs to
    the method's module, which it sees under the same name; a function that a method calls, or a
    method of what is no module, to the module that calls it.
    """
    while frame is not None and kind_of_file(frame.f_code.co_filename) == "user":
        code = frame.f_code
        if code.co_argcount:
            name = code.co_varnames[0]
            value = frame.f_locals.get(name)
            if isinstance(value, nn.Module) and name == "self":
                return name, value
        for name in code.co_freevars:
            value = frame.f_locals.get(name)
            if name == "self" and isinstance(value, nn.Module):
                return name, value
        frame = frame.f_back
    return None


class Calls:
    """Records every call of every submodule during forward passes."""

    def __init__(self, model, sources):
        self.model = model
        self.sources = sources
        self.paths = {}
        for path, module in model.named_modules():
            self.paths.setdefault(id(module), path)
        self.weights_read = {}  # path -> place, of layers whose parameters others have read
        self.begin(None)

    def begin(self, mode):
        """Forget what was recorded; what follows is one run in this mode."""
        self.mode = mode
        self.records = []  # in order of return
        self.stack = []
        self.producers = {}  # id of tensor -> paths of the modules that returned it
        self.kept = []
        self.given = []  # (record, the tensor that the call gave, its version then)

    def __enter__(self):
        self.wrapped = []
        for path, module in self.model.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            self.wrapped.append((module, module.__dict__.get("forward")))
            object.__setattr__(module, "forward", self.wrap(path, module, module.forward))
        self.getattr = nn.Module.__getattr__
        nn.Module.__getattr__ = self.wrap_getattr(self.getattr)
        return self

    def __exit__(self, *exception):
        nn.Module.__getattr__ = self.getattr
        for module, before in self.wrapped:
            if before is None:
                module.__dict__.pop("forward", None)
            else:
                object.__setattr__(module, "forward", before)

    def wrap(self, path, module, forward):
        calls = self

        def forward_with_record(*args, **kwargs):
            record = {
                "path": path,
                "mode": calls.mode,
                "site": calls.site(module, sys._getframe(1)),
                "inputs": [shape_of(value) for value in args],
                "named_inputs": {name: shape_of(value) for name, value in kwargs.items()},
                "reads": calls.sources_of_tensors(args, kwargs),
                "arguments": calls.arguments_of(args, kwargs),
                "inside": calls.stack[-1] if calls.stack else None,
            }
            fed = first_tensor(args, kwargs)
            version = version_of(fed)
            calls.stack.append(path)
            try:
                result = forward(*args, **kwargs)
            finally:
                calls.stack.pop()
            record["overwrites"] = version_of(fed) != version
            record["output"] = shape_of(result)
            calls.given.append((record, result, version_of(result)))
            calls.produced(path, result, list(args) + list(kwargs.values()))
            calls.records.append(record)
            return result

        return forward_with_record

    def settle(self):
        """Note on each record whether what the call gave was written to in place by what followed."""
        for record, result, version in self.given:
            record["overwritten"] = version_of(result) != version

    def wrap_getattr(self, original):
        """Parameters are found by `__getattr__` alone: who else than the layer reads them?"""
        calls = self

        def getattr_with_record(module, name):
            value = original(module, name)
            if name in module.__dict__["_parameters"]:
                path = calls.paths.get(id(module))
                # A read while no forward is run, or its own is, is no use of it.
                if path and calls.stack and calls.stack[-1] != path:
                    if path not in calls.weights_read:
                        calls.weights_read[path] = place_of(sys._getframe(1), name)
            return value

        return getattr_with_record

    def sources_of_tensors(self, args, kwargs):
        found = []
        for value in list(args) + list(kwargs.values()):
            values = value if isinstance(value, (tuple, list)) else [value]
            for tensor in values:
                if isinstance(tensor, torch.Tensor) and id(tensor) in self.producers:
                    found.extend(self.producers[id(tensor)])
        return found

    def arguments_of(self, args, kwargs):
        """`[key, index, producers]` for each argument that a layer gave, or an element of one."""
        found = []
        for key, value in list(enumerate(args)) + list(kwargs.items()):
            inside = isinstance(value, (tuple, list))
            for index, tensor in enumerate(value if inside else [value]):
                if isinstance(tensor, torch.Tensor) and id(tensor) in self.producers:
                    found.append([key, index if inside else None, self.producers[id(tensor)]])
        return found

    def produced(self, path, result, fed):
        """Note who made a tensor: with a container its last child, but an in-place layer alone."""
        values = result if isinstance(result, (tuple, list)) else [result]
        if isinstance(result, dict):
            values = list(result.values())
        for tensor in values:
            if isinstance(tensor, torch.Tensor):
                self.kept.append(tensor)
                if any(tensor is value for value in fed):
                    self.producers[id(tensor)] = [path]
                else:
                    self.producers.setdefault(id(tensor), []).append(path)

    def site(self, module, frame):
        """The call site of `module`, seen from the frame that called its forward."""
        chain = []
        called = module
        through = []
        while frame is not None:
            code = frame.f_code
            kind = kind_of_file(code.co_filename)
            if kind == "user":
                break
            if kind == "observer" and code.co_name == "run":
                return {"how": "top"}  # the model itself is what runs the layer
            if kind == "torch":
                receiver = frame.f_locals.get("self")
                if code.co_name == "forward" and isinstance(receiver, nn.Module):
                    if not isinstance(receiver, nn.Sequential):
                        return {"how": "package", "file": code.co_filename, "line": frame.f_lineno}
                    name = name_in(receiver, called)
                    if name is None:
                        return {"how": "unknown", "file": code.co_filename, "line": frame.f_lineno}
                    chain.insert(0, name)
                    called = receiver
                elif code.co_filename.endswith("checkpoint.py"):
                    through.append("checkpoint")
            frame = frame.f_back
        if frame is None:
            return {"how": "top"}
        return self.describe(frame, called, chain, sorted(set(through)))

    def describe(self, frame, called, chain, through):
        code = frame.f_code
        site = {
            "file": real(code.co_filename),
            "line": frame.f_lineno,
            "function": code.co_name,
            "chain": chain,
            "through": through,
        }
        owner = owner_of(frame)
        if owner is not None:
            site["owner"] = self.paths.get(id(owner[1]))
            site["owner_class"] = type(owner[1]).__qualname__
            site["called"] = path_below(owner[1], called)

        def names_the_module(frame, call):
            value = evaluate_pure(call.func, frame)
            if value is called:
                return "call"
            if is_slice(call.func) and same_children(value, called):
                return "slice"
            if getattr(value, "__self__", None) is called and value.__name__ == "forward":
                return "forward"
            if getattr(value, "__name__", None) == "forward_with_record":
                if isinstance(call.func, ast.Attribute):
                    if evaluate_pure(call.func.value, frame) is called:
                        return "forward"
            if through:
                for argument in call.args:
                    if evaluate_pure(argument, frame) is called:
                        return "argument"
            return None

        found = self.sources.call_at(frame, names_the_module)
        if found is None:
            site["how"] = "unresolved"
            return site
        node, function, how = found
        if how == "slice":
            container = evaluate_pure(node.func.value, frame)
            site["called"] = path_below(owner[1], container) if owner is not None else None
            site["part"] = list(called._modules)  # a slice keeps the names
            if site["called"] is None or len(set(container)) < len(container):
                how = "unresolved"
        site["how"] = how
        site["function"] = function
        site["span"] = [node.lineno, node.col_offset, node.end_lineno, node.end_col_offset]
        return site


def is_slice(node):
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def same_children(one, other):
    """Whether two slices of a Sequential are the same: each evaluation makes a new Sequential."""
    if not isinstance(one, nn.Sequential) or not isinstance(other, nn.Sequential):
        return False
    return list(one.named_children()) == list(other.named_children())


def first_tensor(args, kwargs):
    """The tensor that a call is about: its first."""
    for value in list(args) + list(kwargs.values()):
        if isinstance(value, torch.Tensor):
            return value
    return None


def version_of(value):
    """How often a tensor was written to in place; 0 for anything else."""
    if not isinstance(value, torch.Tensor) or value.is_inference():
        return 0
    return value._version


def place_of(frame, name):
    """Where a parameter of that name is read, in the code that is not torch's."""
    while frame.f_back is not None and kind_of_file(frame.f_code.co_filename) != "user":
        frame = frame.f_back
    return {"file": real(frame.f_code.co_filename), "line": frame.f_lineno, "name": name}


def name_in(parent, child):
    for name, module in parent._modules.items():
        if module is child:
            return name
    return None


def path_below(owner, module):
    """The path of `module` relative to `owner` ('' for itself), or None where there is none."""
    for path, candidate in owner.named_modules():
        if candidate is module:
            return path
    return None


def shape_of(value):
    """Shapes as JSON: a list of sizes for a tensor, nested for containers."""
    if isinstance(value, torch.Tensor):
        found = {"shape": list(value.shape), "dtype": str(value.dtype).replace("torch.", "")}
        if channels_lie_last(value):
            found["memory"] = "channels_last"
        return found
    if isinstance(value, (tuple, list)):
        return {"items": [shape_of(item) for item in value], "type": type(value).__name__}
    if isinstance(value, dict):
        return {
            "keys": {str(key): shape_of(item) for key, item in value.items()},
            "literals": [repr(key) for key in value],
            "type": type(value).__name__,
        }
    return {"type": type(value).__name__}


def channels_lie_last(value):
    """Whether a feature with its channels first has them last in memory, as `channels_last` does."""
    if value.layout != torch.strided or value.dim() < 3 or value.is_contiguous():
        return False
    return value.movedim(1, -1).is_contiguous()


def elements(shape):
    """The tensors of a tuple, list or dict, from its `shape_of`, by the names that targets use."""
    parts = dict(enumerate(shape["items"])) if "items" in shape else shape.get("keys", {})
    return {str(key): part for key, part in parts.items() if "shape" in part}
