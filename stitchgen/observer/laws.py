"""The laws of a splice, proven by running: the original model against the edited one.

Part of the observer: runs in the user's Python (3.8 or later, torch 1.13 or later); imports only torch, the
standard library and `compare` and `cost` beside it.

For every mode (eval, train) three forwards are run from the same state, with the same randomness:

    O  the original;
    R  the reference: the original with the very blocks of the edited model put at their layers from outside;
    A  the edited model.

A's outputs and statistics must be R's, bit for bit. That says more than the comparison with the block as
identity: it also finds a reader of the layer that the block's output does not reach. The identity is run (N) when A and
R differ, to tell whether the edit harmed something elsewhere or the block's output is not consumed. One backward, in train,
shows the gradients.
"""

from __future__ import annotations

import contextlib
import itertools
import types
import warnings
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

import torch
from torch import nn

from stitchgen.observer import compare, cost

MODES = ("eval", "train")
LAWS = ("builds", "keys", "position", "elsewhere", "consumed")

#: How often a zero gradient is tried again, with another input and other weights of the block.
RETRIES = 12
#: How often, where the parameter is not even in the graph: only routing by data can explain that.
RETRIES_OUTSIDE_GRAPH = 4
#: Which sizes of perturbation are tried, until all stays finite.
SCALES = (1.0, 0.1, 0.0)


class Broken(Exception):
    """A law does not hold. `message` is for the user: which layer, what was seen."""

    def __init__(self, law: str, message: str, mode: Optional[str] = None) -> None:
        super().__init__(message)
        self.law = law
        self.message = message
        self.mode = mode


class _Unstable(Exception):
    """The perturbed model left the finite numbers: perturb it less."""


class _Splice:
    """One splice, with its modules looked up in both models."""

    def __init__(
        self, index: int, given: Dict[str, Any], original: nn.Module, edited: nn.Module
    ) -> None:
        self.index = index
        self.placement = given["placement"]  # type: str
        self.target = given["target"]  # type: str
        self.block = given["block"]  # type: str
        self.calls = given.get("calls")  # type: Optional[List[int]]
        self.element = given.get("element")
        self.adapter = bool(given.get("adapter"))
        self.old = _submodule(original, self.target)
        self.module = _submodule(edited, self.block)
        self.layer = None if self.placement == "replace" else _submodule(edited, self.target)
        if self.old is None:
            raise Broken("builds", "The original model has no layer %s." % self.target)
        if self.module is None:
            raise Broken("builds", "The edited model has no module %s." % self.block)
        if self.layer is None and self.placement != "replace":
            raise Broken("builds", "The edited model has lost the layer %s." % self.target)

    @property
    def name(self) -> str:
        return "the new " + self.block if self.placement == "replace" else self.block

    def expected(self, layer_calls: int) -> List[int]:
        """Which calls of the layer the block goes with, counted from zero."""
        if self.calls is None:
            return list(range(layer_calls))
        return [call - 1 for call in self.calls if call <= layer_calls]

    def fed(self, args: tuple, kwargs: dict) -> compare.Tensors:
        """What the block was given, as tensors."""
        if self.placement == "replace":
            return compare.leaves([list(args), kwargs])
        place = _first(args, kwargs, None)
        return compare.leaves(_at(args, kwargs, place)) if place else []


def _submodule(model: nn.Module, path: str) -> Optional[nn.Module]:
    return dict(model.named_modules(remove_duplicate=False)).get(path)


# --- the parts of a call ---------------------------------------------------------------------------------------

_Place = Tuple[Any, Any, Any]  # (positional index or None, keyword or None, element of it or None)


def _first(args: tuple, kwargs: dict, element: Any) -> Optional[_Place]:
    """Where in a call the feature is: the first argument that holds a tensor, or the element asked for."""
    items = [(index, None, value) for index, value in enumerate(args)]
    items += [(None, key, value) for key, value in kwargs.items()]
    holding = [item for item in items if compare.leaves(item[2])]
    if not holding:
        return None
    index, key, value = holding[0]
    if element is None or isinstance(value, torch.Tensor) and element == 0:
        return (index, key, None)
    if isinstance(value, torch.Tensor):
        return (element, None, None) if isinstance(element, int) and element < len(args) else None
    return (index, key, element)


def _at(args: tuple, kwargs: dict, place: _Place) -> Any:
    index, key, element = place
    value = args[index] if key is None else kwargs[key]
    return value if element is None else _element(value, element)


def _with(args: tuple, kwargs: dict, place: _Place, new: Any) -> Tuple[tuple, dict]:
    index, key, element = place
    if element is not None:
        new = _with_element(args[index] if key is None else kwargs[key], element, new)
    if key is None:
        return args[:index] + (new,) + args[index + 1 :], kwargs
    return args, dict(kwargs, **{key: new})


def _element(value: Any, element: Any) -> Any:
    return value if element is None else value[element]


def _with_element(value: Any, element: Any, new: Any) -> Any:
    if element is None:
        return new
    if isinstance(value, tuple):
        items = list(value)
        items[element] = new
        return value._make(items) if hasattr(value, "_make") else type(value)(items)
    copied = value.copy() if hasattr(value, "copy") else type(value)(value)
    copied[element] = new
    return copied


# --- keys ------------------------------------------------------------------------------------------------------


def _names(model: nn.Module, module: nn.Module) -> List[str]:
    """All paths of a module: the same one may be registered under several."""
    return [name for name, found in model.named_modules(remove_duplicate=False) if found is module]


def _under(path: str, names: List[str]) -> bool:
    return any(path == name or path.startswith(name + ".") for name in names)


def _keys(
    original: nn.Module, edited: nn.Module, splices: List[_Splice], absent: List[Dict[str, Any]]
) -> Dict[str, List[str]]:
    before, after = _shapes(original), _shapes(edited)
    blocks = [name for splice in splices for name in _names(edited, splice.module)]
    inserted = [n for s in splices if s.placement != "replace" for n in _names(edited, s.module)]
    replaced = [n for s in splices if s.placement == "replace" for n in _names(original, s.old)]
    added = [key for key in after if key not in before]
    lost = [key for key in before if key not in after]
    reshaped = [key for key in before if key in after and before[key] != after[key]]

    for key in lost:
        if not _under(key, replaced):
            raise Broken("keys", "The key %s of the old state_dict is lost." % key)
    for key in reshaped:
        if not _under(key, replaced):
            raise Broken(
                "keys",
                "The key %s had the shape %s and now has %s." % (key, before[key], after[key]),
            )
    for key in added:
        if _under(key, blocks):
            continue
        if absent:
            lacking = ", ".join(sorted({splice["target"] for splice in absent}))
            raise Broken(
                "keys",
                "This configuration lacks %s, yet it now has %s, which nothing trains."
                % (lacking, key),
            )
        raise Broken("keys", "The new key %s does not belong to a block." % key)
    for key in before:
        if key in after and _under(key, inserted):
            raise Broken(
                "keys",
                "The old key %s now belongs to a block: old weights would load into it." % key,
            )
    tied = {}  # type: Dict[int, List[str]]
    for slot in compare.slots(original):
        if slot.kind == "parameter" and not _under(slot.path, replaced):
            tied.setdefault(id(slot.tensor), []).append(slot.path)
    now = {slot.path: id(slot.tensor) for slot in compare.slots(edited)}
    for paths in tied.values():
        if len({now.get(path) for path in paths}) > 1:
            raise Broken(
                "keys", "%s were one tensor (tied weights) and no longer are." % " and ".join(paths)
            )
    return {"added": added, "lost": lost, "reshaped": reshaped}


def _shapes(model: nn.Module) -> Dict[str, Any]:
    return {
        key: tuple(value.shape) if isinstance(value, torch.Tensor) else None
        for key, value in model.state_dict().items()
    }


# --- running ---------------------------------------------------------------------------------------------------


class _Run:
    """What one forward showed."""

    def __init__(self, splices: List[_Splice]) -> None:
        self.output = None  # type: Any
        self.layer_calls = {s.index: 0 for s in splices}
        self.block_calls = {s.index: 0 for s in splices}
        # What the layers gave (after) or were given (before, replace), a list of tensors a call.
        self.references = {s.index: [] for s in splices}  # type: Dict[int, List[compare.Tensors]]
        self.block_outputs = {
            s.index: [] for s in splices
        }  # type: Dict[int, List[compare.Tensors]]
        self.misfed = {s.index: [] for s in splices}  # type: Dict[int, List[str]]
        self.differentiable = {s.index: False for s in splices}
        self.overwritten = {}  # type: Dict[int, str]
        self.macs = 0
        self.reached = set()  # type: Set[str]
        self.hidden = False
        self.events = []  # type: List[Tuple[str, Tuple[Any, ...]]]
        self.first_block_event = None  # type: Optional[int]
        self.activations = []  # type: compare.Tensors


class _Proof:
    def __init__(
        self,
        original: nn.Module,
        edited: nn.Module,
        splices: List[_Splice],
        inputs: Callable[[int], Tuple[tuple, dict]],
        seed: int,
        notes: List[str],
    ) -> None:
        self.original = original
        self.edited = edited
        self.splices = splices
        self.inputs = inputs
        self.seed = seed
        self.notes = notes
        self.forwards = 0
        self.backwards = 0
        self.live = False
        self.block_names = [name for s in splices for name in _names(edited, s.module)]
        self.block_modules = {id(m) for s in splices for m in s.module.modules()}
        self.called = {s.index: set() for s in splices}  # type: Dict[int, Set[str]]
        self.wanted = {s.index: 0 for s in splices}
        self.consumed_modes = set()  # type: Set[str]
        self.macs = None  # type: Optional[int]
        self.pristine = None  # type: Optional[compare.Snapshot]
        self.block_pristine = None  # type: Optional[Dict[str, torch.Tensor]]

    # -- state

    def in_block(self, path: str) -> bool:
        return _under(path, self.block_names)

    def block_slots(self) -> List[compare.Slot]:
        return [slot for slot in compare.slots(self.edited) if self.in_block(slot.path)]

    def prepare(self, scale: float) -> None:
        """Perturb the original, give the edited model the same state, and take what every run starts from."""
        if self.pristine is None:
            self.pristine = compare.Snapshot(self.original)
            self.block_pristine = {s.path: s.tensor.detach().clone() for s in self.block_slots()}
        else:
            self.pristine.restore()
        compare.perturb(compare.slots(self.original), scale, self.seed)
        self.scale = scale
        self.of_original = compare.Snapshot(self.original)
        compare.copy_state(self.original, self.edited, self.in_block)
        self.perturb_blocks(0)

    def perturb_blocks(self, attempt: int) -> None:
        assert self.block_pristine is not None
        places = self.block_slots()
        with torch.no_grad():
            for slot in places:
                value = self.block_pristine.get(slot.path)
                if value is not None and value.shape == slot.tensor.shape:
                    slot.tensor.data.copy_(value)
        lift = 0.2 * self.scale * attempt if attempt % 2 else 0.0
        compare.perturb(places, self.scale * (1 + attempt % 3), self.seed + 101 + attempt, lift)
        shared = {p: v for p, v in self.of_original.values.items() if not self.in_block(p)}
        self.of_edited = compare.Snapshot(self.edited, shared)

    # -- one forward

    def forward(
        self, model: nn.Module, mode: str, index: int, run: _Run, others: Tuple[nn.Module, ...] = ()
    ) -> None:
        """Run a model from the state that every run starts from; `others` take part in it."""
        for each in (model,) + others:
            (self.of_original if each is self.original else self.of_edited).restore()
            each.train(mode == "train")
        args, kwargs = self.inputs(index)
        compare.seed_all(self.seed + index)
        self.forwards += 1
        self.live = True
        try:
            with torch.enable_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                output = model(*args, **kwargs)
                run.output = list(output) if isinstance(output, types.GeneratorType) else output
        finally:
            self.live = False

    def run_original(
        self, mode: str, index: int, record: bool = False, trace: bool = False, count: bool = False
    ) -> _Run:
        """O: the original, counting the calls of the layers."""
        run = _Run(self.splices)

        def around(
            here: List[_Splice], forward: Callable[..., Any], args: tuple, kwargs: dict
        ) -> Any:
            if not self.live:
                return forward(*args, **kwargs)
            for splice in here:
                run.layer_calls[splice.index] += 1
                if record and splice.placement != "after":
                    run.references[splice.index].append(self.given(splice, args, kwargs))
            if count and here[0].placement == "replace":
                with cost.Counter() as counter:
                    out = forward(*args, **kwargs)
                run.macs += counter.macs
            else:
                out = forward(*args, **kwargs)
            for splice in here:
                if record and splice.placement == "after":
                    run.references[splice.index].append(compare.grab(_picked(out, splice.element)))
            return out

        with contextlib.ExitStack() as stack:
            if trace:
                stack.enter_context(self.traced(self.original, run))
            self.around_layers(stack, around)
            self.forward(self.original, mode, index, run)
        return run

    def run_reference(self, mode: str, index: int, trace: bool = False) -> _Run:
        """R: the original with the blocks put at their layers from outside."""
        run = _Run(self.splices)

        def around(
            here: List[_Splice], forward: Callable[..., Any], args: tuple, kwargs: dict
        ) -> Any:
            if not self.live:
                return forward(*args, **kwargs)
            applying = []
            for splice in here:
                run.layer_calls[splice.index] += 1
                if splice.calls is None or run.layer_calls[splice.index] in splice.calls:
                    applying.append(splice)
            replacement = None
            for splice in here:
                if splice.placement == "after":
                    continue
                run.references[splice.index].append(self.given(splice, args, kwargs))
                if splice in applying and splice.placement == "replace":
                    replacement = splice
                elif splice in applying:
                    place = _first(args, kwargs, splice.element)
                    assert place is not None
                    args, kwargs = _with(
                        args, kwargs, place, splice.module(_at(args, kwargs, place))
                    )
            out = (
                forward(*args, **kwargs)
                if replacement is None
                else replacement.module(*args, **kwargs)
            )
            for splice in here:
                if splice.placement != "after":
                    continue
                value = _picked(out, splice.element)
                run.references[splice.index].append(compare.grab(value))
                if splice in applying:
                    out = _with_element(out, splice.element, splice.module(value))
            return out

        with contextlib.ExitStack() as stack:
            if trace:
                stack.enter_context(self.traced(self.original, run))
            self.around_layers(stack, around)
            for splice in self.splices:
                stack.enter_context(
                    compare.intercepted(splice.module, self.active(splice, run, None))
                )
            self.forward(self.original, mode, index, run, (self.edited,))
        return run

    def run_edited(
        self, mode: str, index: int, reference: _Run, trace: bool = False, count: bool = False
    ) -> _Run:
        """A: the edited model, watching what the blocks are fed."""
        run = _Run(self.splices)

        def around(
            here: List[_Splice], forward: Callable[..., Any], args: tuple, kwargs: dict
        ) -> Any:
            if not self.live:
                return forward(*args, **kwargs)
            for splice in here:
                call = run.layer_calls[splice.index]
                run.layer_calls[splice.index] += 1
                wanted = splice.expected(call + 1)
                if splice.placement == "before" and call in wanted:
                    given = run.block_outputs[splice.index]
                    number = wanted.index(call)
                    if number >= len(given):
                        run.misfed[splice.index].append(
                            "%s ran before its block did" % splice.target
                        )
                    elif not compare.same(self.given(splice, args, kwargs), given[number]):
                        run.misfed[splice.index].append(
                            "%s is not fed what %s gave" % (splice.target, splice.block)
                        )
            out = forward(*args, **kwargs)
            for splice in here:
                if splice.placement == "after":
                    run.references[splice.index].append(compare.grab(_picked(out, splice.element)))
            return out

        with contextlib.ExitStack() as stack:
            if trace:
                stack.enter_context(self.traced(self.edited, run))
            layers = {}  # type: Dict[int, Tuple[nn.Module, List[_Splice]]]
            for splice in self.splices:
                if splice.layer is not None:
                    layers.setdefault(id(splice.layer), (splice.layer, []))[1].append(splice)
            for module, here in layers.values():
                stack.enter_context(compare.intercepted(module, _bind(around, here)))
            for splice in self.splices:
                watch = self.active(splice, run, reference, count)
                stack.enter_context(compare.intercepted(splice.module, watch))
            self.forward(self.edited, mode, index, run)
        return run

    def run_neutral(self, mode: str, index: int, trace: bool = False) -> _Run:
        """N: the edited model with every block as identity, or with the old module put back."""
        run = _Run(self.splices)

        def around(splice: _Splice) -> Callable[..., Any]:
            def neutral(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
                if self.live and run.first_block_event is None:
                    run.first_block_event = len(run.events)
                if splice.placement == "replace":
                    return splice.old(*args, **kwargs)
                place = _first(args, kwargs, None)
                return _at(args, kwargs, place) if place else (args[0] if args else None)

            return neutral

        with contextlib.ExitStack() as stack:
            if trace:
                stack.enter_context(self.traced(self.edited, run))
            for splice in self.splices:
                stack.enter_context(compare.intercepted(splice.module, around(splice)))
            self.forward(
                self.edited, mode, index, run, (self.original,) if self.replacing() else ()
            )
        return run

    def around_layers(self, stack: contextlib.ExitStack, around: Callable[..., Any]) -> None:
        layers = {}  # type: Dict[int, Tuple[nn.Module, List[_Splice]]]
        for splice in self.splices:
            layers.setdefault(id(splice.old), (splice.old, []))[1].append(splice)
        for module, here in layers.values():
            stack.enter_context(compare.intercepted(module, _bind(around, here)))

    def given(self, splice: _Splice, args: tuple, kwargs: dict) -> compare.Tensors:
        """What a layer was fed, as far as the block has to do with it."""
        if splice.placement == "replace":
            return compare.grab([list(args), kwargs])
        place = _first(args, kwargs, splice.element)
        return compare.grab(_at(args, kwargs, place)) if place else []

    def active(
        self, splice: _Splice, run: _Run, reference: Optional[_Run], count: bool = False
    ) -> Callable[[Callable[..., Any], tuple, dict], Any]:
        """The block at work, in the same way in R, in A and when a checkpoint runs it again."""

        def around(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
            fed = [tensor.detach().clone() for tensor in splice.fed(args, kwargs)]
            guard = None
            if self.live:
                if run.first_block_event is None:
                    run.first_block_event = len(run.events)
                if reference is not None:
                    self.check_fed(splice, run, reference, fed)
                    if run.block_calls[splice.index] == 1:
                        guard = self.guard()
            with compare.forked_randomness(self.seed + 31 * splice.index):
                if count and self.live:
                    with cost.Counter() as counter:
                        out = forward(*args, **kwargs)
                    run.macs += counter.macs
                else:
                    out = forward(*args, **kwargs)
            if guard is not None:
                written = self.written(guard)
                if written:
                    run.overwritten.setdefault(splice.index, written)
            if isinstance(out, torch.Tensor) and compare.same([out], fed[:1]):
                out = self.probe(out)
            if self.live:
                tensors = compare.leaves(out)
                run.differentiable[splice.index] |= any(tensor.requires_grad for tensor in tensors)
                if reference is not None and splice.placement == "before":
                    run.block_outputs[splice.index].append(compare.grab(out))
            return out

        return around

    def probe(self, out: torch.Tensor) -> torch.Tensor:
        """A block that gives back its input in this mode (dropout in eval) is moved, to see who reads it."""
        if not out.is_floating_point():
            return out
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(out.shape, generator=generator).to(out.device, out.dtype)
        return out + noise * (0.1 * (out.detach().abs().mean() + 0.1))

    def check_fed(self, splice: _Splice, run: _Run, reference: _Run, fed: compare.Tensors) -> None:
        number = run.block_calls[splice.index]
        run.block_calls[splice.index] += 1
        wanted = splice.expected(len(reference.references[splice.index]))
        if number >= len(wanted):
            return  # called too often: the count says so
        call = wanted[number]
        for source in (run, reference):
            if call < len(source.references[splice.index]):
                if _agree(fed, source.references[splice.index][call], splice.adapter):
                    return
        what = "what %s gave" if splice.placement == "after" else "what %s was fed"
        run.misfed[splice.index].append("%s is not fed %s" % (splice.name, what % splice.target))

    def guard(self) -> List[Tuple[compare.Slot, int, Optional[torch.Tensor]]]:
        """The old state as it is before a block runs: buffers by value, parameters by their version."""
        return [
            (
                slot,
                _version(slot.tensor),
                slot.tensor.detach().clone() if slot.kind == "buffer" else None,
            )
            for slot in compare.slots(self.edited)
            if slot.kind != "attribute" and not self.in_block(slot.path)
        ]

    @staticmethod
    def written(guard: List[Tuple[compare.Slot, int, Optional[torch.Tensor]]]) -> Optional[str]:
        for slot, version, value in guard:
            key = slot.path.rpartition(".")[2]
            if (
                slot.holder.get(key) is not slot.tensor
                or _version(slot.tensor) != version
                or (value is not None and not compare.same_tensor(slot.tensor, value))
            ):
                return slot.path
        return None

    @contextlib.contextmanager
    def traced(self, model: nn.Module, run: _Run) -> Iterator[None]:
        """Take down what every leaf module gives, outside the blocks and the layers that they replace."""
        skipped = {id(m) for s in self.splices if s.placement == "replace" for m in s.old.modules()}
        skipped |= self.block_modules
        named = [
            (name, module)
            for name, module in model.named_modules()
            if id(module) not in skipped and not list(module.children())
        ]

        def around(name: str) -> Callable[..., Any]:
            def traced(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
                out = forward(*args, **kwargs)
                if self.live:
                    run.events.append((name, compare.checksum(out)))
                    if run.first_block_event is not None:
                        run.activations.extend(
                            t for t in compare.floats(compare.leaves(out)) if t.requires_grad
                        )
                return out

            return traced

        with contextlib.ExitStack() as stack:
            for name, module in named:
                stack.enter_context(compare.intercepted(module, around(name)))
            yield

    # -- the laws of one mode

    def prove_all(self) -> None:
        self.called = {splice.index: set() for splice in self.splices}
        self.consumed_modes = set()
        self.trained = set()  # type: Set[int]
        self.macs = None
        for index, mode in enumerate(MODES):
            self.prove_mode(mode, index)
        for splice in self.splices:
            if not self.called[splice.index]:
                raise Broken(
                    "position", "%s is called neither in eval nor in train." % splice.target
                )
            if not self.wanted[splice.index]:
                message = "%s has no call number %s."
                calls = ", ".join(str(call) for call in splice.calls or [])
                raise Broken("position", message % (splice.target, calls))
        if self.splices and not self.consumed_modes:
            message = (
                "Nothing in the model reads the output of %s: no output and no activation changes."
            )
            raise Broken("consumed", message % self.named())
        untrained = [splice for splice in self.splices if splice.index not in self.trained]
        if untrained:
            self.note(
                "%s is not called in train; its gradients were taken in eval." % untrained[0].target
            )
            reference = self.run_original("eval", 0, record=True)
            edited = self.run_edited("eval", 0, reference)
            self.check_gradients("eval", 0, edited, None, untrained)

    def plain_run(self, mode: str, index: int) -> Tuple[_Run, int]:
        """O, under a seed that calls every layer, if there is one: stochastic depth may skip a layer."""
        first = None
        for again in range(index, index + 40, 10):
            plain = self.run_original(mode, again, count=self.macs is None)
            if all(plain.layer_calls.values()):
                return plain, again
            first = first or (plain, again)
        assert first is not None
        return first

    def prove_mode(self, mode: str, index: int) -> None:
        plain, index = self.plain_run(mode, index)
        self.require_finite(plain.output, "The model")
        self.output = _Kept(plain.output)
        plain.output = None
        if not self.splices:
            self.prove_unchanged(mode, index, plain)
            return
        for splice in self.splices:
            if plain.layer_calls[splice.index]:
                self.called[splice.index].add(mode)
            self.wanted[splice.index] += len(splice.expected(plain.layer_calls[splice.index]))

        reference = self.attempt_reference(mode, index)
        comparable = reference is not None
        if reference is None:
            reference = self.run_original(mode, index, record=True)
        else:
            self.require_finite(reference.output, "The model with its block")
            reference.reached, reference.hidden = self.reach(
                self.original, compare.leaves(reference.output)
            )
            kept = _Kept(reference.output)
        reference.output = None  # and with it the graph
        edited = self.attempt(
            mode, lambda: self.run_edited(mode, index, reference, count=self.macs is None)
        )
        self.check_position(mode, index, plain, edited, comparable)
        for position, path in edited.overwritten.items():
            raise Broken(
                "elsewhere", "%s overwrites %s." % (self.splices[position].block, path), mode
            )

        changed = kept.difference(edited.output) if comparable else None
        changed_state = self.state_difference() if comparable else None
        if changed or changed_state or not comparable:
            self.settle(mode, index, edited, changed, changed_state)
        if not any(edited.block_calls.values()):
            return
        if self.macs is None:
            self.macs = edited.macs - plain.macs
        self.check_moved(mode, index, edited)
        if mode == "train":
            if mode not in self.consumed_modes:
                message = "Nothing in the model reads the output of %s in train."
                raise Broken("consumed", message % self.named(), mode)
            self.check_gradients(
                mode, index, edited, reference if comparable else None, self.splices
            )

    def prove_unchanged(self, mode: str, index: int, plain: _Run) -> None:
        """A configuration that lacks the layer behaves as before."""
        edited = self.attempt(mode, lambda: self.run_edited(mode, index, plain))
        found = self.output.difference(edited.output) or self.state_difference()
        if found:
            self.require_deterministic(mode, index)
            raise Broken(
                "elsewhere", "Without the layer nothing should change, but %s." % found, mode
            )

    def require_finite(self, output: Any, what: str) -> None:
        if not compare.finite(compare.leaves(output)):
            if self.scale > 0:
                raise _Unstable()
            note = "%s gives values that are not finite by itself." % what
            if note not in self.notes:
                self.notes.append(note)

    def attempt(self, mode: str, run: Callable[[], _Run]) -> _Run:
        try:
            return run()
        except Exception as error:
            message = "The edited model does not run in %s: %s." % (mode, _short(error))
            raise Broken("builds", message, mode) from error

    def attempt_reference(self, mode: str, index: int) -> Optional[_Run]:
        """R; none where something comes between the layer and the block: hooks of its own, an adapter."""
        if any(splice.adapter or splice.old._forward_hooks for splice in self.splices):
            return None
        try:
            return self.run_reference(mode, index)
        except Exception:
            return None  # the edited model may run all the same; if it does not, it tells the reason better

    def state_difference(self, state: Optional[Dict[str, torch.Tensor]] = None) -> Optional[str]:
        """The first old tensor that a forward of the edited model left otherwise than the original has it now."""
        if state is None:
            state = {slot.path: slot.tensor for slot in compare.slots(self.original)}
        for slot in compare.slots(self.edited):
            if slot.path in state and not self.in_block(slot.path):
                if not compare.same_tensor(slot.tensor, state[slot.path]):
                    return "%s is left with other values after a forward" % slot.path
        return None

    def check_position(
        self, mode: str, index: int, plain: _Run, edited: _Run, comparable: bool
    ) -> None:
        for splice in self.splices:
            calls, layer_calls = edited.block_calls[splice.index], plain.layer_calls[splice.index]
            wanted = len(splice.expected(layer_calls))
            if calls != wanted:
                self.require_deterministic(mode, index)
                raise Broken(
                    "position",
                    "%s was called %s in %s, %s %s%s."
                    % (
                        splice.name,
                        _times(calls),
                        mode,
                        splice.target,
                        _times(layer_calls),
                        "" if splice.calls is None else ", of which %s counts" % _times(wanted),
                    ),
                    mode,
                )
            again = edited.layer_calls[splice.index]
            if splice.layer is not None and again not in (0, layer_calls):
                self.require_deterministic(mode, index)
                raise Broken(
                    "position",
                    "%s is now called %s in %s, before the edit %s."
                    % (splice.target, _times(again), mode, _times(layer_calls)),
                    mode,
                )
            # With no reference, the inputs of a layer are known only where no other block changes them.
            known = comparable or splice.placement == "after" or len(self.splices) == 1
            if known and edited.misfed[splice.index]:
                if splice.placement != "after":
                    self.require_unharmed_before(mode, index)
                self.require_deterministic(mode, index)
                raise Broken("position", "In %s %s." % (mode, edited.misfed[splice.index][0]), mode)

    def require_deterministic(self, mode: str, index: int) -> None:
        again = self.run_original(mode, index)
        found = self.output.difference(again.output)
        if found:
            raise Broken(
                "elsewhere",
                "The model itself is not deterministic: two runs of the original from the same random state differ "
                "in %s (%s). Nothing can be proven about it." % (mode, found),
                mode,
            )

    def require_unharmed_before(self, mode: str, index: int) -> None:
        """A block before a layer is fed wrong values too where the edit harmed something further up."""
        plain = self.run_original(mode, index, trace=True)
        try:
            neutral = self.run_neutral(mode, index, trace=True)
        except Exception:
            return
        end = (
            len(neutral.events) if neutral.first_block_event is None else neutral.first_block_event
        )
        for ours, theirs in zip(plain.events, neutral.events[:end]):
            if ours != theirs:
                raise Broken(
                    "elsewhere",
                    "With the block as identity, %s gives something else." % theirs[0],
                    mode,
                )

    def settle(
        self,
        mode: str,
        index: int,
        edited: _Run,
        changed: Optional[str],
        changed_state: Optional[str],
    ) -> None:
        """A and R differ, or there is no R: the run with the block as identity tells which law is broken."""
        self.require_deterministic(mode, index)
        state = {slot.path: slot.tensor.detach().clone() for slot in compare.slots(self.original)}
        neutral = self.attempt(mode, lambda: self.run_neutral(mode, index))
        found = self.output.difference(neutral.output) or self.state_difference(state)
        if found:
            where = self.first_event_apart(mode, index)
            put = "the old module put back" if self.replacing() else "the block as identity"
            raise Broken("elsewhere", "With %s, %s%s." % (put, found, where), mode)
        if changed_state and not changed:
            raise Broken("elsewhere", "With the block active, %s." % changed_state, mode)
        if changed:
            if self.output.difference(edited.output) is None:
                raise Broken(
                    "consumed",
                    "The output of %s changes nothing: it is not used." % self.named(),
                    mode,
                )
            raise Broken(
                "consumed",
                "Not all that reads %s gets the output of %s: against the block put there from outside, %s."
                % (self.named_targets(), self.named(), changed),
                mode,
            )

    def first_event_apart(self, mode: str, index: int) -> str:
        plain = self.run_original(mode, index, trace=True)
        neutral = self.run_neutral(mode, index, trace=True)
        for ours, theirs in zip(plain.events, neutral.events):
            if ours != theirs:
                return " (the first module to differ is %s)" % theirs[0]
        return ""

    def replacing(self) -> bool:
        return any(splice.placement == "replace" for splice in self.splices)

    def named(self) -> str:
        return " and ".join(_few([splice.block for splice in self.splices]))

    def named_targets(self) -> str:
        return " and ".join(_few([splice.target for splice in self.splices]))

    def check_moved(self, mode: str, index: int, edited: _Run) -> None:
        """The output changes; else some activation that is not the block's own."""
        floats = compare.floats(compare.leaves(edited.output))
        if floats and not compare.same(self.output.floats, [tensor.detach() for tensor in floats]):
            self.consumed_modes.add(mode)
            return
        for again in range(index, index + (10 * RETRIES if mode == "train" else 20), 10):
            plain = self.run_original(mode, again, trace=True)
            try:
                reference = self.run_reference(mode, again, trace=True)  # type: Optional[_Run]
            except Exception:
                reference = None
            run = self.run_edited(mode, again, reference or plain, trace=True)
            if reference is not None and not _same_events(reference, run):
                message = "The output of %s does not reach all that reads %s."
                raise Broken("consumed", message % (self.named(), self.named_targets()), mode)
            if not _same_events(plain, run):
                what = "do not show the change" if floats else "hold no floating-point numbers"
                self.note(
                    "In %s the outputs %s; judged on the activations of the model's layers."
                    % (mode, what)
                )
                self.consumed_modes.add(mode)
                return
            if _Kept(plain.output).difference(run.output):
                self.note("In %s only outputs that are not floating-point numbers changed." % mode)
                self.consumed_modes.add(mode)
                return

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    # -- gradients

    def reach(self, model: nn.Module, tensors: compare.Tensors) -> Tuple[Set[str], bool]:
        found, hidden = compare.reached(tensors)
        return {slot.path for slot in compare.slots(model) if id(slot.tensor) in found}, hidden

    def new_parameters(self) -> Dict[str, Tuple[_Splice, torch.Tensor]]:
        found = {}  # type: Dict[str, Tuple[_Splice, torch.Tensor]]
        seen = set()  # type: Set[int]
        for splice in self.splices:
            for name, parameter in splice.module.named_parameters():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    found[splice.block + "." + name] = (splice, parameter)
        return found

    def check_gradients(
        self, mode: str, index: int, edited: _Run, reference: Optional[_Run], splices: List[_Splice]
    ) -> None:
        pending = {name: item for name, item in self.new_parameters().items() if item[0] in splices}
        frozen = [name for name, (_, parameter) in pending.items() if not parameter.requires_grad]
        for splice in splices:
            own = [parameter for other, parameter in pending.values() if other is splice]
            if own and not any(parameter.requires_grad for parameter in own):
                message = (
                    "All parameters of %s are frozen (requires_grad=False): it would never train."
                )
                raise Broken("consumed", message % splice.block, mode)
        if frozen:
            self.note(
                "Frozen in the block, hence without a gradient: %s." % ", ".join(_few(frozen))
            )
        pending = {name: item for name, item in pending.items() if item[1].requires_grad}

        run = edited
        everything = set(pending)
        outside = set(pending)
        for attempt in range(RETRIES):
            if attempt:
                if outside == everything and attempt >= RETRIES_OUTSIDE_GRAPH:
                    break
                self.perturb_blocks(attempt)
                watch = _Run(self.splices)
                run = self.attempt(mode, lambda: self.run_edited(mode, index + attempt, watch))
            losses = [t for t in compare.floats(compare.leaves(run.output)) if t.requires_grad]
            if any(run.differentiable.values()) and (not losses or attempt >= RETRIES // 2):
                # Integers have no gradient, and through a saturated softmax none comes back: from the activations it does.
                watch = _Run(self.splices)
                run = self.run_edited(mode, index + attempt, watch, trace=True)
                losses = losses + run.activations
            self.trained.update(i for i, calls in run.block_calls.items() if calls)
            if attempt == 0 and reference is not None:
                self.check_graph(mode, run, reference, pending, losses)
            if not pending:
                return
            if not losses:
                continue
            self.gradients(mode, run, losses, pending, outside, self.seed + index + attempt)
            if not pending:
                return
        # A layer that no seed calls in train is looked at in eval.
        pending = {name: item for name, item in pending.items() if item[0].index in self.trained}
        if pending:
            self.explain(mode, pending, outside)

    def check_graph(
        self,
        mode: str,
        run: _Run,
        reference: _Run,
        pending: Dict[str, Tuple[_Splice, torch.Tensor]],
        losses: compare.Tensors,
    ) -> None:
        """Whatever a gradient reaches with the block put there from outside, it reaches in the edited model."""
        for splice in self.splices:
            if reference.differentiable[splice.index] and not run.differentiable[splice.index]:
                message = "%s runs without gradients (torch.no_grad, or fed something detached)."
                raise Broken("consumed", message % splice.block, mode)
        if reference.hidden:
            return
        reached, hidden = self.reach(self.edited, losses)
        missing = sorted(reference.reached - reached) if not hidden else []
        if missing:
            new = [name for name in pending if not self.reach_includes(name, losses)]
            if new:
                raise Broken("consumed", "No gradient reaches %s." % ", ".join(_few(new)), mode)
            message = "The gradient no longer reaches %s: something at %s is detached."
            raise Broken("consumed", message % (", ".join(_few(missing)), self.named()), mode)
        if compare.floats(compare.leaves(run.output)) and not losses and reference.reached:
            raise Broken("consumed", "The output of the edited model carries no gradient.", mode)

    def reach_includes(self, name: str, losses: compare.Tensors) -> bool:
        parameter = self.new_parameters()[name][1]
        return id(parameter) in compare.reached(losses)[0]

    def gradients(
        self,
        mode: str,
        run: _Run,
        losses: compare.Tensors,
        pending: Dict[str, Tuple[_Splice, torch.Tensor]],
        outside: Set[str],
        seed: int,
    ) -> None:
        """Strike out of `pending` what gets a finite gradient that is not zero."""
        names = list(pending)
        parameters = [pending[name][1] for name in names]
        hidden = compare.reached(losses)[1]
        self.backwards += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                total = compare.random_sum(losses, seed)
                if hidden:
                    # A reentrant checkpoint runs a backward of its own: only a full one works with it.
                    total.backward()
                    gradients = [parameter.grad for parameter in parameters]
                    for parameter in self.edited.parameters():
                        parameter.grad = None
                else:
                    gradients = list(torch.autograd.grad(total, parameters, allow_unused=True))
        except Exception as error:
            raise Broken(
                "consumed", "The backward pass fails: %s." % _short(error), mode
            ) from error
        for name, gradient in zip(names, gradients):
            if gradient is None:
                continue
            outside.discard(name)
            gradient = gradient.to_dense() if gradient.layout != torch.strided else gradient
            if bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any()):
                del pending[name]

    def explain(
        self, mode: str, pending: Dict[str, Tuple[_Splice, torch.Tensor]], outside: Set[str]
    ) -> None:
        names = ", ".join(_few(list(pending)))
        if outside & set(pending):
            raise Broken("consumed", "No gradient reaches %s." % names, mode)
        message = "The gradient of %s is zero or not finite, with %d inputs and weights."
        raise Broken("consumed", message % (names, RETRIES), mode)


class _Kept:
    """An output to compare with later, without its graph and safe from in-place operations."""

    def __init__(self, output: Any) -> None:
        self.flat = compare.frozen(output)
        self.floats = compare.floats(compare.leaves([leaf for _, leaf in self.flat]))

    def difference(self, other: Any) -> Optional[str]:
        return compare.difference(self.flat, compare.frozen(other, copy=False))


def _bind(around: Callable[..., Any], here: List[_Splice]) -> Callable[..., Any]:
    def bound(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        return around(here, forward, args, kwargs)

    return bound


def _picked(out: Any, element: Any) -> Any:
    try:
        return _element(out, element)
    except (TypeError, KeyError, IndexError):
        return None


def _agree(fed: compare.Tensors, wanted: compare.Tensors, adapter: bool) -> bool:
    if compare.same(fed, wanted):
        return True
    if not adapter or len(fed) != 1 or len(wanted) != 1 or fed[0].numel() != wanted[0].numel():
        return False
    # An adapter permutes the axes and may flatten some: any order of the axes that gives the block's input will do.
    orders = itertools.permutations(range(wanted[0].dim()))
    return any(
        compare.same_tensor(fed[0], wanted[0].permute(o).reshape(fed[0].shape)) for o in orders
    )


def _version(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _same_events(a: _Run, b: _Run) -> bool:
    """The same activations, layer by layer: containers that a splice unrolled are no layers."""
    return sorted(a.events, key=lambda event: event[0]) == sorted(
        b.events, key=lambda event: event[0]
    )


def _few(names: List[str]) -> List[str]:
    return names if len(names) <= 4 else names[:3] + ["%d others" % (len(names) - 3)]


def _times(count: int) -> str:
    return "once" if count == 1 else "%d times" % count


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return ("%s: %s" % (type(error).__name__, lines[0] if lines else "no message"))[:300].rstrip(
        "."
    )


# --- the whole proof -------------------------------------------------------------------------------------------


def prove(
    original: nn.Module,
    edited: nn.Module,
    splices: List[Dict[str, Any]],
    inputs: Callable[[int], Tuple[tuple, dict]],
    seed: int = 0,
    batch: Optional[int] = None,
) -> Dict[str, Any]:
    """Prove the laws of all splices together, or raise `Broken`. Both models are changed (perturbed) by it.

    `inputs(i)` gives the i-th fresh input as `(args, kwargs)`, the same whenever it is asked. `batch` is its batch size
    (else the length of the first argument), by which the counted multiply-accumulates are divided.
    """
    notes = []  # type: List[str]
    for model in (original, edited):
        args, kwargs = inputs(0)
        compare.materialise(model, args, kwargs)
    here = [splice for splice in splices if not splice.get("absent")]
    absent = [splice for splice in splices if splice.get("absent")]
    found = [_Splice(index, splice, original, edited) for index, splice in enumerate(here)]
    keys = _keys(original, edited, found, absent)

    proof = _Proof(original, edited, found, inputs, seed, notes)
    for position, scale in enumerate(SCALES):
        proof.prepare(scale)
        try:
            proof.prove_all()
            break
        except _Unstable:
            if position + 1 == len(SCALES):
                raise
    if proof.scale != SCALES[0]:
        notes.append(
            "The weights were perturbed by a factor of %g only, to stay finite." % proof.scale
        )

    replaced = [splice.old for splice in found if splice.placement == "replace"]
    params = cost.parameters(splice.module for splice in found) - cost.parameters(replaced)
    size = batch or _batch(inputs(0))
    return {
        "keys": keys,
        "params_added": params,
        "macs_added": (proof.macs or 0) // size,
        "macs_counted": cost.COUNTED,
        "forwards": proof.forwards,
        "backwards": proof.backwards,
        "notes": notes,
    }


def _batch(given: Tuple[tuple, dict]) -> int:
    for value in list(given[0]) + list(given[1].values()):
        if isinstance(value, (list, tuple)) and compare.leaves(value):
            return len(value)
        tensors = compare.leaves(value)
        if tensors and tensors[0].dim():
            return max(1, tensors[0].shape[0])
    return 1
