"""The methods and functions by which a project hands the parameters of its model to an optimizer, in groups.

They sort by name, by type or by layer, and those of a new block may fit none of their cases: then they raise,
or the block is never trained, without a word. They are called on both models, where that can be done.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import inspect
import io
import re
import types
from typing import (
    Any,
    Callable,
    Counter,
    Dict,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

import torch
from torch import nn

from stitchgen.observer.failure import failure_of
from stitchgen.observer.forwards.splice import Splice, under
from stitchgen.observer.protocol import LeftOut
from stitchgen.observer.tracing.frames import real

#: How a word in the name of such a method begins; those that initialise or freeze by layers fail alike.
GIVES = ("param", "optim", "group", "lr", "decay", "weight", "init", "reset", "freeze", "unfreeze")
#: Words in the names of methods that do something else.
OTHERS = {"save", "load", "export", "write", "count", "num", "clip", "print", "log", "step", "zero"}
OTHERS |= {"update", "train", "fit", "forward"}
#: What their code reads.
READS = {"parameters", "named_parameters", "weight", "bias", "modules", "named_modules", "children"}
READS |= {"named_children", "_parameters", "_modules"}
#: What shows that code fetches something, or reads a file: it is not run.
FETCHES = {"load_url", "load_state_dict_from_url", "urlopen", "urlretrieve", "download", "open"}
FETCHES |= {"hf_hub_download", "from_pretrained", "load_checkpoint", "load", "save"}
#: How deep what they give is gone through: a list of optimizers, each with its groups.
DEPTH = 5


class Giver(NamedTuple):
    """What may hand over parameters of a module: a method of it, or a function that is given it."""

    name: str
    where: str
    module: nn.Module
    give: Callable[[], Any]

    @property
    def key(self) -> Tuple[str, str]:
        """What it has in common with that of the other model: a file, and a name in it."""
        return self.where.rpartition(":")[0], self.name


def left_out(
    original: nn.Module,
    edited: nn.Module,
    splices: Sequence[Splice],
    root: str,
    functions: Tuple[Sequence[Giver], Sequence[Giver]] = ((), ()),
    called: Optional[List[str]] = None,
) -> List[LeftOut]:
    """The blocks that a method or a function leaves out, where it hands over their layers' parameters, and those that
    it hands over twice.

    `functions` are the project's, given the original and the edited model. What was called on both is added
    to `called`, by its place. Raises `Failure` (function-fails)
    where something fails that works on the original.
    """
    ours = dict(original.named_modules())
    names, new_names = names_of_parameters(original), names_of_parameters(edited)
    found: Dict[str, LeftOut] = {}
    for path, module in edited.named_modules():
        old = ours.get(path)
        if old is None or type(old).__qualname__ != type(module).__qualname__:
            continue
        given: Dict[Tuple[str, str], Set[str]] = {}
        given_now: Set[str] = set()
        givers = {one.key: one for one in methods_of(module, root)}
        before = list(methods_of(old, root))
        if not path:
            before += functions[0]
            givers.update((one.key, one) for one in functions[1])
        for one in before:
            handed = parameters_before(one, names)
            if handed is None or one.key not in givers:
                continue
            now = parameters_after(givers[one.key], new_names)
            if called is not None and one.where not in called:
                called.append(one.where)
            if handed:
                given[one.key] = set(handed)
                given_now |= set(now)
            if handed and max(handed.values()) == 1:
                for splice in splices:
                    if any(now[key] > 1 for key in trained_in(splice, new_names)):
                        found[splice.named] = about(givers[one.key], splice, twice=True)
        for splice in splices if given else ():
            found_in = giving(splice, path, original, given)
            block = trained_in(splice, new_names)
            missing = {key for key in block - given_now if not path or under(key, [path])}
            if found_in is not None and missing:
                # Later ones are further in: the one that chooses among its own layers.
                found[splice.named] = about(givers[found_in], splice, twice=False)
    return list(found.values())


def trained_in(splice: Splice, names: Dict[int, str]) -> Set[str]:
    """The names of the parameters of a block that are trained."""
    return {names.get(id(p), key) for key, p in splice.parameters() if p.requires_grad}


def about(giver: Giver, splice: Splice, *, twice: bool) -> LeftOut:
    return {
        "where": giver.where,
        "method": giver.name,
        "layer": splice.target,
        "block": splice.named,
        "twice": twice,
    }


def giving(
    splice: Splice,
    path: str,
    original: nn.Module,
    given: Dict[Tuple[str, str], Set[str]],
) -> Optional[Tuple[str, str]]:
    """The method that hands over a parameter of the splice's layer, where together they hand over all of
    them; of the nearest module around it, where the layer has none."""
    modules = dict(original.named_modules())
    target = splice.target
    while True:
        inside = not path or target == path or target.startswith(path + ".")
        if not inside:
            return None
        layer = modules.get(target)
        names = {
            "%s.%s" % (target, name) if target else name
            for name, parameter in (layer.named_parameters() if layer is not None else ())
            if parameter.requires_grad
        }
        if names or not target:
            break
        target = target.rpartition(".")[0]
    if not names or not names <= set().union(*given.values()):
        return None
    return next(key for key, handed in given.items() if names & handed)


def names_of_parameters(model: nn.Module) -> Dict[int, str]:
    names: Dict[int, str] = {}
    for path, module in model.named_modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                names.setdefault(id(parameter), "%s.%s" % (path, name) if path else name)
    return names


def methods_of(module: nn.Module, root: str) -> Iterator[Giver]:
    """The methods of the project's own that may hand over parameters, those of the class before its bases'."""
    kind: Any = type(module)
    for name, code in method_names(kind, root):
        label = "%s.%s" % (type(module).__qualname__, name)
        yield Giver(label, place_of(code), module, functools.partial(call, getattr(module, name)))


def has_givers(model: nn.Module, root: str) -> bool:
    """Whether a class of the model or of its layers has such a method."""
    kinds: Set[Any] = {type(module) for module in model.modules()}
    return any(method_names(kind, root) for kind in kinds)


@functools.lru_cache(maxsize=None)
def method_names(kind: Any, root: str) -> Sequence[Tuple[str, types.CodeType]]:
    found: Dict[str, types.CodeType] = {}
    seen: Set[str] = set()
    constructors = [vars(one).get("__init__") for one in kind.__mro__]
    # What a constructor calls has run, before the block was there or after.
    built_with = {
        name
        for one in constructors
        if isinstance(one, types.FunctionType)
        for name in names_read(one.__code__)
    }
    for one in kind.__mro__:
        if one.__module__.split(".")[0] == "torch":
            continue
        for name, function in vars(one).items():
            if not isinstance(function, types.FunctionType) or name in seen:
                continue
            seen.add(name)
            words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]
            if name.startswith("__") or name in built_with or OTHERS & set(words):
                continue
            code = function.__code__
            read = names_read(code)
            if (
                any(word.startswith(GIVES) for word in words)
                and READS & read
                and not FETCHES & read
            ):
                if real(code.co_filename).startswith(root):
                    found[name] = code
    return list(found.items())


def names_read(code: types.CodeType) -> Set[str]:
    """The names in a function's code, and in that of its comprehensions and inner functions."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= names_read(constant)
    return found


def function_giver(
    function: types.FunctionType,
    model: nn.Module,
    parts: Sequence[Tuple[str, str]] = (),
    *,
    each: bool,
) -> Giver:
    """A function of the project that is given the model, or by `apply` each module of it, or of its parts."""
    give: Callable[[], Any] = functools.partial(call, function, model)
    if each:
        give = functools.partial(apply_to, function, model, parts)
    name = "apply(%s)" % function.__name__ if each else function.__name__
    return Giver(name, place_of(function.__code__), model, give)


def apply_to(
    function: types.FunctionType, model: nn.Module, parts: Sequence[Tuple[str, str]]
) -> None:
    """To the model, or to the parts of the instances of classes that it has, by class and path."""
    if not parts:
        model.apply(function)
    for module in list(model.modules()) if parts else []:
        classes = {kind.__name__ for kind in type(module).__mro__}
        for owner, path in parts:
            if owner in classes:
                try:
                    part = module.get_submodule(path)
                except AttributeError:
                    continue  # this configuration has no such part
                part.apply(function)


def place_of(code: types.CodeType) -> str:
    return "%s:%d" % (real(code.co_filename), code.co_firstlineno)


def parameters_before(giver: Giver, names: Dict[int, str]) -> Optional[Counter[str]]:
    """The names of the parameters that it gives, and how often; None where it does not run by itself."""
    try:
        with undisturbed(giver.module):
            return collections.Counter(parameters_in(giver.give(), names))
    except Exception:
        return None


def parameters_after(giver: Giver, names: Dict[int, str]) -> Counter[str]:
    try:
        with undisturbed(giver.module):
            return collections.Counter(parameters_in(giver.give(), names))
    except Exception as error:
        message = "%s fails on the model with the block" % giver.name
        failure = failure_of("function-fails", error, message)
        failure.report["where"] = failure.report.get("where") or giver.where
        raise failure from error


@contextlib.contextmanager
def undisturbed(module: nn.Module) -> Iterator[None]:
    """What a method freezes is trained afterwards as before, and what it prints is dropped."""
    trained = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for parameter, flag in trained:
            parameter.requires_grad_(flag)


def call(function: Callable[..., Any], *given: Any) -> Any:
    """What it gives, on what is given and arguments that an optimizer's settings usually are."""
    args: List[Any] = list(given)
    kwargs: Dict[str, Any] = {}
    for parameter in list(inspect.signature(function).parameters.values())[len(given) :]:
        if parameter.default is not parameter.empty:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = usual(parameter.name)
        elif parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            args.append(usual(parameter.name))
    return function(*args, **kwargs)


def usual(name: str) -> Any:
    """A value for a setting of that name; an object that has all of them for one that names none."""
    name = name.lower()
    if "beta" in name:
        return (0.9, 0.999)
    if "device" in name:
        return "cpu"
    if re.search(r"lr|rate|decay|momentum|eps|wd|mult|factor|scale", name):
        return 0.01
    if re.search(r"optim|name|type", name):
        return "adamw"
    return Settings()


class Settings:
    """Has every setting of an optimizer as an attribute and as an item."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return usual(name)

    def __getitem__(self, name: str) -> Any:
        return usual(name)


def parameters_in(value: Any, names: Dict[int, str], depth: int = 0) -> Iterator[str]:
    """The names of the parameters in what a method gives: lists, groups, optimizers, names of them."""
    if isinstance(value, nn.Parameter):
        if id(value) in names:
            yield names[id(value)]
    elif isinstance(value, torch.optim.Optimizer):
        yield from parameters_in(value.param_groups, names, depth)
    elif depth >= DEPTH or isinstance(value, (str, bytes, torch.Tensor)):
        return
    elif isinstance(value, dict):
        yield from parameters_in(list(value.values()), names, depth + 1)
    elif isinstance(value, (list, tuple, set, frozenset)) or hasattr(value, "__next__"):
        for one in value:
            yield from parameters_in(one, names, depth + 1)
