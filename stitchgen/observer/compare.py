"""What it takes to compare two models fairly: state, randomness, calls, outputs, gradients.

Part of the observer: runs in the user's Python (3.8 or later, torch 1.13 or later) and imports
only torch and the standard library. Knows nothing of blocks or laws; `laws` does.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import math
import random
import sys
import types
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
)

import torch
from torch import nn

Tensors = List[torch.Tensor]

#: What every module has in its `__dict__` by itself; the rest was put there by the model's author.
_OWN = frozenset(vars(nn.Module())) | {"forward"}
#: How deep the search for tensors goes into lists, dicts and objects.
_DEPTH = 4


# --- state ---------------------------------------------------------------------------------------


class Slot(NamedTuple):
    """A place where a model keeps a tensor; another build of the model has it at the same path."""

    path: str
    kind: str  # "parameter" | "buffer" | "attribute"
    tensor: torch.Tensor
    holder: Any  # the dict or list to write a new tensor into; None where it cannot be replaced


def slots(model: nn.Module) -> Iterator[Slot]:
    """Every tensor of the model under every path: tied weights come once for each name."""
    registered = {id(module) for module in model.modules()}
    for name, module in model.named_modules(remove_duplicate=False):
        for slot in _module_slots(module, name + "." if name else "", registered, 0):
            yield slot


def _module_slots(module: nn.Module, prefix: str, known: Set[int], depth: int) -> Iterator[Slot]:
    for kind, table in (("parameter", module._parameters), ("buffer", module._buffers)):
        for key, tensor in table.items():
            if tensor is not None:
                yield Slot(prefix + key, kind, tensor, table)
    for key, value in list(vars(module).items()):
        if key not in _OWN:
            for slot in _held(value, prefix + key, vars(module), known, depth):
                yield slot


def _held(value: Any, path: str, holder: Any, known: Set[int], depth: int) -> Iterator[Slot]:
    if isinstance(value, torch.Tensor):
        yield Slot(path, "attribute", value, holder)
    elif depth >= _DEPTH:
        return
    elif isinstance(value, nn.Module):
        # A module that the author keeps in a plain list: `named_modules` does not see it, its
        # weights count all the same.
        if id(value) not in known:
            inner = known | {id(value)}
            for name, module in value.named_modules(remove_duplicate=False):
                prefix = path + "." + (name + "." if name else "")
                for slot in _module_slots(module, prefix, inner, depth + 1):
                    yield slot
    elif isinstance(value, (list, tuple, collections.deque)):
        for index, item in enumerate(value):
            into = value if isinstance(value, list) else None
            for slot in _held(item, "%s.%d" % (path, index), into, known, depth + 1):
                yield slot
    elif isinstance(value, dict):
        for key, item in list(value.items()):
            for slot in _held(item, "%s.%s" % (path, key), value, known, depth + 1):
                yield slot
    elif type(value).__module__ == "numpy" and type(value).__name__ == "ndarray":
        # Arrays of objects and read-only ones stay as they are.
        with contextlib.suppress(TypeError, ValueError):
            if value.flags.writeable:
                yield Slot(path, "attribute", torch.from_numpy(value), None)


def warm_up(model: nn.Module, args: tuple, kwargs: dict) -> None:
    """Let a model do what it does at its first forward, before anything is compared or restored.

    Lazy modules take their shapes, and some models register hooks or build tables then, and keep
    a mark that they have.
    """
    try:
        with torch.no_grad():
            model.eval()(*args, **kwargs)
    except Exception:
        if any(torch.nn.parameter.is_lazy(slot.tensor) for slot in slots(model)):
            raise
        # Else it is told where its laws are asked for.


def copy_state(source: nn.Module, target: nn.Module, skip: Callable[[str], bool]) -> None:
    """Give `target` the tensors of `source`, path by path; `skip` names the paths to leave."""
    given = {slot.path: slot.tensor for slot in slots(source)}
    for slot in list(slots(target)):
        tensor = given.get(slot.path)
        if tensor is not None and not skip(slot.path) and tensor.shape == slot.tensor.shape:
            _write(slot, tensor)


def _write(slot: Slot, value: torch.Tensor) -> None:
    with torch.no_grad():
        try:
            slot.tensor.data.copy_(value)
        except RuntimeError:
            # An expanded tensor cannot be written in place: several of its elements share one
            # memory cell.
            key = slot.path.rpartition(".")[2]
            if slot.kind != "parameter" and isinstance(slot.holder, dict) and key in slot.holder:
                slot.holder[key] = value.detach().clone()


class Snapshot:
    """What a model holds now, to start every run from: tensors and the plain values of modules.

    A forward may move statistics, count its calls, fill a cache or draw from a generator of its
    own. `shared` are copies that another snapshot made of the same values, by path, so that big
    models are copied once.
    """

    def __init__(
        self, model: nn.Module, shared: Optional[Mapping[str, torch.Tensor]] = None
    ) -> None:
        self._slots = list(slots(model))
        self.values: Dict[str, torch.Tensor] = {}
        by_identity: Dict[int, torch.Tensor] = {}
        for slot in self._slots:
            value = by_identity.get(id(slot.tensor))
            if value is None:
                value = (shared or {}).get(slot.path)
                if value is None:
                    value = slot.tensor.detach().clone()
                by_identity[id(slot.tensor)] = value
            self.values[slot.path] = value
        self._tables: List[Tuple[dict, dict]] = []
        self._own: List[Tuple[nn.Module, dict]] = []
        self._contents: List[Tuple[Any, Any]] = []
        self._generators: List[Tuple[Callable[[Any], None], Any]] = []
        for module in model.modules():
            for table in (module._parameters, module._buffers, module._modules):
                self._tables.append((table, dict(table)))
            own = {key: value for key, value in vars(module).items() if key not in _OWN}
            self._own.append((module, own))
            for value in own.values():
                self._remember(value, 0)

    def _remember(self, value: Any, depth: int) -> None:
        if isinstance(value, torch.Generator):
            self._generators.append((value.set_state, value.get_state()))  # type: ignore[arg-type]
        elif isinstance(value, random.Random):
            self._generators.append((value.setstate, value.getstate()))
        elif type(value).__module__.startswith("numpy.random") and hasattr(value, "bit_generator"):
            source = value.bit_generator
            self._generators.append((functools.partial(setattr, source, "state"), source.state))
        elif isinstance(value, (list, dict, set, collections.deque)) and depth < _DEPTH:
            self._contents.append((value, value.copy()))
            for item in list(value.values()) if isinstance(value, dict) else list(value):
                self._remember(item, depth + 1)

    def restore(self) -> None:
        for table, saved in self._tables:
            _refill(table, saved)
        for module, own in self._own:
            for key in [key for key in vars(module) if key not in _OWN and key not in own]:
                del vars(module)[key]
            vars(module).update(own)
        for value, saved in self._contents:
            _refill(value, saved)
        for put, state in self._generators:
            put(state)
        for slot in self._slots:
            value = self.values[slot.path]
            if slot.tensor.shape != value.shape:
                slot.tensor.data = value.clone()
            else:
                _write(slot, value)


def _refill(value: Any, saved: Any) -> None:
    if isinstance(value, (list, collections.deque)):
        if len(value) != len(saved) or any(a is not b for a, b in zip(value, saved)):
            value.clear()
            value.extend(saved)
    elif isinstance(value, dict):
        if len(value) != len(saved) or any(value.get(key) is not saved[key] for key in saved):
            value.clear()
            value.update(saved)
    else:
        value.clear()
        value.update(saved)


def perturb(places: Iterable[Slot], scale: float, seed: int, lift: float = 0.0) -> None:
    """Move parameters and normalisation statistics a little, as training would.

    A freshly built model hides changes behind starting values: a norm whose weight is zero, a gate
    at zero. The steps are relative to what is there, so that deep models stay finite. `lift`
    raises the biases, which wakes dead ReLUs.
    """
    generator = torch.Generator().manual_seed(seed)
    pool = torch.randn(1 << 18, generator=generator)
    offset = 0
    seen = set()
    with torch.no_grad():
        for slot in places:
            tensor, name = slot.tensor, slot.path.rpartition(".")[2]
            if id(tensor) in seen or not tensor.is_floating_point() or not tensor.numel():
                continue
            seen.add(id(tensor))
            offset = (offset + 7919) % pool.numel()
            if slot.kind == "parameter":
                noise = _take(pool, offset, tensor)
                step = _step(tensor, noise, scale)
                if lift and tensor.dim() <= 1:
                    step = step + lift * noise.abs()
                tensor.data.add_(step)
            elif slot.kind == "buffer" and name == "running_mean":
                tensor.add_(_take(pool, offset, tensor), alpha=0.1 * scale)
            elif slot.kind == "buffer" and name == "running_var":
                tensor.mul_(1 + 0.25 * scale * _take(pool, offset, tensor).abs())


def turn_units(places: Iterable[Slot], seed: int) -> None:
    """Change the sign of the weights of half the output units, chosen by the seed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for slot in places:
            tensor = slot.tensor
            if slot.kind == "parameter" and tensor.dim() > 1 and tensor.is_floating_point():
                signs = torch.randint(0, 2, (tensor.shape[0],), generator=generator) * 2 - 1
                shape = [-1] + [1] * (tensor.dim() - 1)
                tensor.data.mul_(signs.view(shape).to(tensor.device, tensor.dtype))


def _take(pool: torch.Tensor, offset: int, like: torch.Tensor) -> torch.Tensor:
    """Noise of a tensor's shape from one pool: drawing it anew costs more than a forward."""
    count = like.numel()
    if offset + count > pool.numel():
        times = (offset + count) // pool.numel() + 1
        pool = pool.repeat(times)
    return pool[offset : offset + count].view(like.shape).to(like.device, like.dtype)


def _step(tensor: torch.Tensor, noise: torch.Tensor, scale: float) -> torch.Tensor:
    spread = float(tensor.detach().float().std()) if tensor.numel() > 1 else 0.0
    if spread > 0:
        return noise * (0.1 * scale * spread)
    # A layer scale of 1e-6 hides a branch from float32 as well as zero does.
    if abs(float(tensor.detach().flatten()[0])) > 1e-2:
        return tensor.detach() * noise.clamp(-2, 2) * (0.1 * scale)
    if tensor.dim() >= 2:
        return noise * (0.5 * scale / math.sqrt(tensor.numel() / tensor.shape[0]))
    return (noise.abs() + 0.5) * (0.1 * scale)


# --- randomness ----------------------------------------------------------------------------------


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(seed % (1 << 32))


@contextlib.contextmanager
def forked_randomness(seed: int) -> Iterator[None]:
    """Draws made inside start from `seed` and leave no trace outside."""
    numpy = sys.modules.get("numpy")
    cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
    states = (torch.get_rng_state(), random.getstate())
    on_cuda = torch.cuda.get_rng_state_all() if cuda else None
    of_numpy = numpy.random.get_state() if numpy is not None else None
    seed_all(seed)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        if on_cuda is not None:
            torch.cuda.set_rng_state_all(on_cuda)
        if numpy is not None:
            numpy.random.set_state(of_numpy)


# --- calls ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def intercepted(
    module: nn.Module, around: Callable[[Callable[..., Any], tuple, dict], Any]
) -> Iterator[None]:
    """Run `around(forward, args, kwargs)` in place of the module's forward, once a call.

    On the instance, so `m(x)` and `m.forward(x)` both come by. A forward that calls itself counts
    as one call.
    """
    own = vars(module)
    before = own.get("forward")
    forward = module.forward
    busy = []  # type: List[bool]

    @functools.wraps(forward)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if busy:
            return forward(*args, **kwargs)
        busy.append(True)
        try:
            return around(forward, args, kwargs)
        finally:
            busy.pop()

    own["forward"] = wrapper
    try:
        yield
    finally:
        if before is None:
            own.pop("forward", None)
        else:
            own["forward"] = before


# --- values --------------------------------------------------------------------------------------


def leaves(value: Any, _depth: int = 0, _seen: Optional[Dict[int, Any]] = None) -> Tensors:
    """The tensors in a result, in order: of tuples, dicts, dataclasses and objects like them."""
    value = _plain(value)
    if isinstance(value, torch.Tensor):
        return [value]
    children = _children(value)
    seen = {} if _seen is None else _seen  # holds the objects, since a temporary's id is used again
    if children is None or _depth > 8 or id(value) in seen:
        return []
    seen[id(value)] = value
    return [leaf for _, child in children for leaf in leaves(child, _depth + 1, seen)]


def _plain(value: Any) -> Any:
    """A numpy array or scalar as a tensor or number."""
    if type(value).__module__ != "numpy":
        return value
    try:
        return torch.from_numpy(value) if hasattr(value, "ndim") and value.ndim else value.item()
    except (TypeError, ValueError, AttributeError):
        return value


def _children(value: Any) -> Optional[List[Tuple[str, Any]]]:
    if isinstance(value, Mapping):
        return [("[%r]" % (key,), item) for key, item in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return [("." + name, item) for name, item in zip(value._fields, value)]
    if isinstance(value, (list, tuple, collections.deque)):
        return [("[%d]" % index, item) for index, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [
            ("." + field.name, getattr(value, field.name, None))
            for field in dataclasses.fields(value)
        ]
    if isinstance(value, (type, nn.Module, types.ModuleType, types.FunctionType, types.MethodType)):
        return None
    if hasattr(value, "__dict__"):
        return [("." + name, item) for name, item in vars(value).items()]
    return None


def grab(value: Any) -> Tensors:
    """Copies of a value's tensors as they are now: an in-place operation may overwrite them."""
    return [leaf.detach().clone() for leaf in leaves(value)]


def same(a: Tensors, b: Tensors) -> bool:
    return len(a) == len(b) and all(same_tensor(x, y) for x, y in zip(a, b))


def same_tensor(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype or a.layout != b.layout:
        return False
    a, b = a.detach(), b.detach()
    if a.layout != torch.strided:
        a, b = a.to_dense(), b.to_dense()
    if torch.equal(a, b):
        return True
    if not (a.is_floating_point() or a.is_complex()):
        return False
    return bool(((a == b) | ((a != a) & (b != b))).all())


def frozen(
    value: Any,
    copy: bool = True,
    _path: str = "",
    _depth: int = 0,
    _seen: Optional[Dict[int, Any]] = None,
) -> List[Tuple[str, Any]]:
    """A nested result as a flat list of paths, leaves and types; `copy` keeps it as it is now."""
    value = _plain(value)
    if isinstance(value, torch.Tensor):
        return [(_path, value.detach().clone() if copy else value.detach())]
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None))):
        return [(_path, value)]
    seen = {} if _seen is None else _seen  # holds the objects, since a temporary's id is used again
    children = _children(value) if _depth <= 8 and id(value) not in seen else None
    seen[id(value)] = value
    kind = "a " + type(value).__name__
    if isinstance(value, (Mapping, list, tuple)):
        kind += " with %d %s" % (len(value), "entry" if len(value) == 1 else "entries")
    flat = [(_path, _Kind(kind))]  # type: List[Tuple[str, Any]]
    for name, child in children or []:
        flat.extend(frozen(child, copy, _path + name, _depth + 1, seen))
    return flat


class _Kind(str):
    """Stands for an object that is no leaf: by name, for the edited model has other classes."""


def difference(a: List[Tuple[str, Any]], b: List[Tuple[str, Any]]) -> Optional[str]:
    """The first thing in which two frozen results differ, in words; None for equal bits."""
    for (path, before), (other, now) in zip(a, b):
        what = "the output" + path
        if path != other:
            return "the output has %s in place of %s" % (other or "an entry", path or "an entry")
        if isinstance(before, torch.Tensor) and isinstance(now, torch.Tensor):
            if before.shape != now.shape:
                return "%s has the shape %s, not %s" % (what, tuple(now.shape), tuple(before.shape))
            if before.dtype != now.dtype:
                return "%s is of %s, not %s" % (what, now.dtype, before.dtype)
            if not same_tensor(before, now):
                return "%s differs%s" % (what, _by(before, now))
        elif (
            isinstance(before, torch.Tensor)
            or isinstance(now, torch.Tensor)
            or type(before) is not type(now)
        ):
            return "%s is %s, not %s" % (what, _kind(now), _kind(before))
        elif before != now and not (before != before and now != now):
            return "%s is %s, not %s" % (what, now, before)
    if len(a) != len(b):
        return "the output has %d entries, not %d" % (len(b), len(a))
    return None


def _kind(value: Any) -> str:
    return value if isinstance(value, _Kind) else "a " + type(value).__name__


def _by(a: torch.Tensor, b: torch.Tensor) -> str:
    if not a.is_floating_point() or a.layout != torch.strided:
        return ""
    gap = (a.double() - b.double()).abs()
    known = gap[gap == gap]
    return " by up to %.3g" % float(known.max()) if known.numel() else ""


def floats(tensors: Tensors) -> Tensors:
    return [tensor for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]


def finite(tensors: Tensors) -> bool:
    return all(
        bool(torch.isfinite(tensor.detach()).all())
        for tensor in floats(tensors)
        if tensor.layout == torch.strided
    )


def checksum(value: Any) -> Tuple[Any, ...]:
    """A short stand-in for the float tensors of a value, where copies would fill the memory."""
    sums = []  # type: List[float]
    for tensor in floats(leaves(value)):
        flat = tensor.detach()
        flat = flat.to_dense() if flat.layout != torch.strided else flat
        flat = torch.view_as_real(flat) if flat.is_complex() else flat
        flat = flat.double().flatten()  # in one order, however the axes lie in memory
        sums.extend((float(flat.sum()), float(flat.abs().sum()), float(flat.numel())))
        if flat.numel():
            sums.append(float((flat * torch.arange(1, flat.numel() + 1, device=flat.device)).sum()))
    return tuple("nan" if number != number else number for number in sums)


# --- gradients -----------------------------------------------------------------------------------


def reached(tensors: Tensors) -> Tuple[Set[int], bool]:
    """The ids of the leaves that a backward from here gets to, and whether some are hidden.

    Reentrant checkpoints keep what is inside them out of the graph.
    """
    found = {id(tensor) for tensor in tensors if tensor.requires_grad and tensor.grad_fn is None}
    stack = [tensor.grad_fn for tensor in tensors if tensor.grad_fn is not None]
    seen = set(stack)
    hidden = False
    while stack:
        node = stack.pop()
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            found.add(id(leaf))
        hidden = hidden or "CheckpointFunction" in type(node).__name__
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                stack.append(following)
    return found, hidden


def random_sum(tensors: Tensors, seed: int) -> torch.Tensor:
    """A scalar to run backward from; with equal weights, softmax and norms would give zero."""
    generator = torch.Generator().manual_seed(seed)
    total = None
    for tensor in tensors:
        tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
        weights = torch.randn(tensor.shape, generator=generator).to(tensor.device, tensor.dtype)
        term = (tensor * weights).sum()
        total = term if total is None else total + term.to(total.dtype)
    assert total is not None
    return total
