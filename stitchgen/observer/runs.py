"""The forwards that a proof is made of, and what each of them shows.

    original   the model as it was
    reference  the original with the very blocks of the edited model put at its layers from outside
    edited     the model as it would be
    neutral    the edited model with its blocks as identity, or with the old modules put back

All start from one state with one randomness. Part of the observer: runs in the user's Python (3.8
or later, torch 1.13 or later); imports only torch, the standard library, `compare` and `cost`.
What the runs prove is up to `laws`.
"""

from __future__ import annotations

import contextlib
import itertools
import types
import warnings
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import torch
from torch import nn

from stitchgen.observer import compare, cost

Inputs = Callable[[int], Tuple[tuple, dict]]
_Around = Callable[[Callable[..., Any], tuple, dict], Any]


def names_of(model: nn.Module, module: Optional[nn.Module]) -> List[str]:
    """All paths of a module: the same one may be registered under several."""
    return [name for name, m in model.named_modules(remove_duplicate=False) if m is module]


def under(path: str, names: List[str]) -> bool:
    """Whether a path is, or lies in, one of the modules."""
    return any(path == name or path.startswith(name + ".") for name in names)


# --- splices -------------------------------------------------------------------------------------


class Splice:
    """A splice as it was asked for, with its modules in both models (None where there is none)."""

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
        self.into = given.get("into")
        paths = dict(edited.named_modules(remove_duplicate=False))
        self.old = dict(original.named_modules(remove_duplicate=False)).get(self.target)
        self.module = paths.get(self.block)
        self.layer = None if self.placement == "replace" else paths.get(self.target)

    @property
    def name(self) -> str:
        return "the new " + self.block if self.placement == "replace" else self.block

    def expected(self, layer_calls: int) -> List[int]:
        """Which calls of the layer the block goes with, counted from zero."""
        if self.calls is None:
            return list(range(layer_calls))
        return [call - 1 for call in self.calls if call <= layer_calls]

    def layer_was_fed(self, args: tuple, kwargs: dict) -> compare.Tensors:
        """What the layer was fed, as far as the block has to do with it."""
        if self.placement == "replace":
            return compare.leaves([list(args), kwargs])
        place = find(args, kwargs, self.element)
        return compare.leaves(take(args, kwargs, place)) if place else []

    def block_was_fed(self, args: tuple, kwargs: dict) -> compare.Tensors:
        if self.placement == "replace":
            return compare.leaves([list(args), kwargs])
        place = find(args, kwargs, None)
        return compare.leaves(take(args, kwargs, place)) if place else []

    def agree(self, fed: compare.Tensors, wanted: compare.Tensors) -> bool:
        if compare.same(fed, wanted):
            return True
        if not self.adapter or len(fed) != 1 or len(wanted) != 1:
            return False
        if fed[0].numel() != wanted[0].numel():
            return False
        # An adapter permutes the axes and may flatten some; any order of the axes will do.
        shape = fed[0].shape
        orders = itertools.permutations(range(wanted[0].dim()))
        return any(compare.same_tensor(fed[0], wanted[0].permute(o).reshape(shape)) for o in orders)


class Place(NamedTuple):
    """Where in a call the feature is: an argument, and the element of it if it is a tuple."""

    key: Any  # an int for a positional argument, a str for a keyword
    element: Any


def find(args: tuple, kwargs: dict, element: Any) -> Optional[Place]:
    """The first argument that holds a tensor; `element` of it, or of the arguments themselves."""
    items = list(enumerate(args)) + list(kwargs.items())
    holding = [(key, value) for key, value in items if compare.leaves(value)]
    if not holding:
        return None
    key, value = holding[0]
    if element is None or not isinstance(value, torch.Tensor):
        return Place(key, element)
    return Place(element, None) if isinstance(element, int) and element < len(args) else None


def take(args: tuple, kwargs: dict, place: Place) -> Any:
    value = args[place.key] if isinstance(place.key, int) else kwargs[place.key]
    return pick(value, place.element)


def put(args: tuple, kwargs: dict, place: Place, new: Any) -> Tuple[tuple, dict]:
    new = exchange(take(args, kwargs, Place(place.key, None)), place.element, new)
    if isinstance(place.key, int):
        return args[: place.key] + (new,) + args[place.key + 1 :], kwargs
    return args, dict(kwargs, **{place.key: new})


def pick(value: Any, element: Any) -> Any:
    return value if element is None else value[element]


def exchange(value: Any, element: Any, new: Any) -> Any:
    """The value with another element; a copy, since a model may keep the old one."""
    if element is None:
        return new
    if isinstance(value, tuple):
        items = list(value)
        items[element] = new
        return value._make(items) if hasattr(value, "_make") else type(value)(items)
    copied = value.copy()
    copied[element] = new
    return copied


# --- runs ----------------------------------------------------------------------------------------


class Run:
    """What one forward showed. Lists and counts are by the index of the splice."""

    def __init__(self, splices: List[Splice]) -> None:
        self.output = None  # type: Any
        self.layer_calls = {s.index: 0 for s in splices}
        self.block_calls = {s.index: 0 for s in splices}
        #: What the layer gave (after), or was fed (before, replace), for every call.
        self.seen = {s.index: [] for s in splices}  # type: Dict[int, List[compare.Tensors]]
        self.block_gave = {s.index: [] for s in splices}  # type: Dict[int, List[compare.Tensors]]
        self.misfed = {s.index: [] for s in splices}  # type: Dict[int, List[str]]
        self.differentiable = {s.index: False for s in splices}
        self.overwritten = {}  # type: Dict[int, str]
        self.macs = 0
        #: The activations of leaf modules in order, where they were traced: name and checksum.
        self.events = []  # type: List[Tuple[str, Tuple[Any, ...]]]
        self.first_block_event = None  # type: Optional[int]
        self.activations = []  # type: compare.Tensors


_Guarded = Tuple[compare.Slot, int, Optional[torch.Tensor]]


class Runner:
    """Runs the two models from one perturbed state. Both are changed by it."""

    def __init__(
        self,
        original: nn.Module,
        edited: nn.Module,
        splices: List[Splice],
        inputs: Inputs,
        seed: int,
    ) -> None:
        self.original_model = original
        self.edited_model = edited
        self.splices = splices
        self.inputs = inputs
        self.seed = seed
        self.forwards = 0
        self.scale = 1.0
        # A checkpoint runs its part again during backward: only a forward's own calls count.
        self.live = False
        self.block_names = [name for s in splices for name in names_of(edited, s.module)]
        self.pristine = compare.Snapshot(original)
        self.pristine_blocks = {s.path: s.tensor.detach().clone() for s in self.block_slots()}

    # -- state

    def in_block(self, path: str) -> bool:
        return under(path, self.block_names)

    def block_slots(self) -> List[compare.Slot]:
        return [slot for slot in compare.slots(self.edited_model) if self.in_block(slot.path)]

    def prepare(self, scale: float) -> None:
        """Perturb the original and give the edited model the same state."""
        self.scale = scale
        self.pristine.restore()
        compare.perturb(compare.slots(self.original_model), scale, self.seed)
        self.of_original = compare.Snapshot(self.original_model)
        compare.copy_state(self.original_model, self.edited_model, self.in_block)
        self.perturb_blocks(0)

    def perturb_blocks(self, attempt: int) -> None:
        """Other weights for the blocks; every second attempt raises biases, to wake dead ReLUs.

        A narrow block without biases can be dead for every input (one hidden unit, a negative
        sum of weights), so attempts after the first also turn units around.
        """
        places = self.block_slots()
        with torch.no_grad():
            for slot in places:
                value = self.pristine_blocks.get(slot.path)
                if value is not None and value.shape == slot.tensor.shape:
                    slot.tensor.data.copy_(value)
        if attempt:
            compare.turn_units(places, self.seed + 211 + attempt)
        lift = 0.2 * self.scale * attempt if attempt % 2 else 0.0
        scale = self.scale * (1 + attempt % 3)
        compare.perturb(places, scale, self.seed + 101 + attempt, lift)
        values = self.of_original.values
        shared = {path: values[path] for path in values if not self.in_block(path)}
        self.of_edited = compare.Snapshot(self.edited_model, shared)
        self.guarded = [
            slot
            for slot in compare.slots(self.edited_model)
            if slot.kind != "attribute" and not self.in_block(slot.path)
        ]

    def state_difference(self, state: Optional[Dict[str, torch.Tensor]] = None) -> Optional[str]:
        """The first old tensor that the edited model now has otherwise than the original."""
        if state is None:
            state = {slot.path: slot.tensor for slot in compare.slots(self.original_model)}
        for slot in compare.slots(self.edited_model):
            if slot.path in state and not self.in_block(slot.path):
                if not compare.same_tensor(slot.tensor, state[slot.path]):
                    return "%s is left with other values after a forward" % slot.path
        return None

    # -- the four runs

    def original(
        self, mode: str, index: int, record: bool = False, trace: bool = False, count: bool = False
    ) -> Run:
        """`record` keeps what the layers saw, `count` what replaced layers cost."""
        run = Run(self.splices)

        def around(here: List[Splice], forward: Any, args: tuple, kwargs: dict) -> Any:
            if not self.live:
                return forward(*args, **kwargs)
            for splice in here:
                run.layer_calls[splice.index] += 1
                if record and splice.placement != "after":
                    run.seen[splice.index].append(compare.grab(splice.layer_was_fed(args, kwargs)))
            counting = count and here[0].placement == "replace"
            out = self.counted(run, counting, forward, args, kwargs)
            for splice in here:
                if record and splice.placement == "after":
                    run.seen[splice.index].append(compare.grab(_picked(out, splice)))
            return out

        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.original_model, run)
            self.watch(stack, [(s.old, s) for s in self.splices], around)
            self.forward(self.original_model, mode, index, run)
        return run

    def reference(self, mode: str, index: int, trace: bool = False) -> Run:
        run = Run(self.splices)

        def around(here: List[Splice], forward: Any, args: tuple, kwargs: dict) -> Any:
            if not self.live:
                return forward(*args, **kwargs)
            applying = []
            for splice in here:
                run.layer_calls[splice.index] += 1
                if splice.calls is None or run.layer_calls[splice.index] in splice.calls:
                    applying.append(splice)
            inner = forward
            for splice in here:
                if splice.placement == "after":
                    continue
                run.seen[splice.index].append(compare.grab(splice.layer_was_fed(args, kwargs)))
                if splice not in applying:
                    continue
                assert splice.module is not None
                if splice.placement == "replace":
                    inner = splice.module
                    continue
                place = find(args, kwargs, splice.element)
                assert place is not None
                args, kwargs = put(args, kwargs, place, splice.module(take(args, kwargs, place)))
            out = inner(*args, **kwargs)
            for splice in here:
                if splice.placement != "after":
                    continue
                value = _picked(out, splice)
                run.seen[splice.index].append(compare.grab(value))
                if splice in applying:
                    assert splice.module is not None
                    out = exchange(out, splice.element, splice.module(value))
            return out

        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.original_model, run)
            self.watch(stack, [(s.old, s) for s in self.splices], around)
            for splice in self.splices:
                self.at_work(stack, splice, run, None, False)
            self.forward(self.original_model, mode, index, run, (self.edited_model,))
        return run

    def edited(
        self,
        mode: str,
        index: int,
        reference: Optional[Run],
        trace: bool = False,
        count: bool = False,
    ) -> Run:
        """`reference` tells what the blocks should be fed; `count` adds up what they cost."""
        run = Run(self.splices)

        def around(here: List[Splice], forward: Any, args: tuple, kwargs: dict) -> Any:
            if not self.live:
                return forward(*args, **kwargs)
            for splice in here:
                call = run.layer_calls[splice.index]
                run.layer_calls[splice.index] += 1
                wanted = splice.expected(call + 1)
                if splice.placement == "before" and call in wanted:
                    fed = splice.layer_was_fed(args, kwargs)
                    gave, number = run.block_gave[splice.index], wanted.index(call)
                    if number >= len(gave) or not compare.same(fed, gave[number]):
                        message = "%s is not fed what %s gave" % (splice.target, splice.block)
                        run.misfed[splice.index].append(message)
            out = forward(*args, **kwargs)
            for splice in here:
                if splice.placement == "after":
                    run.seen[splice.index].append(compare.grab(_picked(out, splice)))
            return out

        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.edited_model, run)
            self.watch(stack, [(s.layer, s) for s in self.splices], around)
            for splice in self.splices:
                self.at_work(stack, splice, run, reference or Run(self.splices), count)
            self.forward(self.edited_model, mode, index, run)
        return run

    def neutral(self, mode: str, index: int, trace: bool = False) -> Run:
        run = Run(self.splices)

        def around(here: List[Splice], forward: Any, args: tuple, kwargs: dict) -> Any:
            if self.live and run.first_block_event is None:
                run.first_block_event = len(run.events)
            if here[0].placement == "replace":
                assert here[0].old is not None
                return here[0].old(*args, **kwargs)
            place = find(args, kwargs, None)
            return take(args, kwargs, place) if place else None

        replacing = any(splice.placement == "replace" for splice in self.splices)
        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.edited_model, run)
            self.watch(stack, [(s.module, s) for s in self.splices], around)
            others = (self.original_model,) if replacing else ()
            self.forward(self.edited_model, mode, index, run, others)
        return run

    def forward(
        self, model: nn.Module, mode: str, index: int, run: Run, others: Tuple[nn.Module, ...] = ()
    ) -> None:
        """Run a model from the state that every run starts from; `others` take part in it."""
        for each in (model,) + others:
            (self.of_original if each is self.original_model else self.of_edited).restore()
            each.train(mode == "train")
        # The user's own expression for the input may draw from numpy or random.
        compare.seed_all(self.seed + index)
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

    # -- watching

    def watch(
        self,
        stack: contextlib.ExitStack,
        pairs: List[Tuple[Optional[nn.Module], Splice]],
        around: Callable[[List[Splice], Any, tuple, dict], Any],
    ) -> None:
        """Intercept modules, each once with all the splices that it has."""
        modules = {}  # type: Dict[int, Tuple[nn.Module, List[Splice]]]
        for module, splice in pairs:
            if module is not None:
                modules.setdefault(id(module), (module, []))[1].append(splice)
        for module, here in modules.values():
            stack.enter_context(compare.intercepted(module, _bound(around, here)))

    def at_work(
        self,
        stack: contextlib.ExitStack,
        splice: Splice,
        run: Run,
        reference: Optional[Run],
        count: bool,
    ) -> None:
        """Run the block in the same way whether put there from outside or called by the model."""

        def around(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
            fed = compare.grab(splice.block_was_fed(args, kwargs))
            guard = []  # type: List[_Guarded]
            if self.live:
                if run.first_block_event is None:
                    run.first_block_event = len(run.events)
                if reference is not None:
                    self.check_fed(splice, run, reference, fed)
                    if run.block_calls[splice.index] == 1:
                        guard = self.guard()
            # The same draws for every call, so that a checkpoint sees the same again.
            with compare.forked_randomness(self.seed + 31 * splice.index):
                out = self.counted(run, count and self.live, forward, args, kwargs)
            written = _written(guard)
            if written:
                run.overwritten.setdefault(splice.index, written)
            if isinstance(out, torch.Tensor) and compare.same([out], fed[:1]):
                out = self.moved(out)
            if self.live:
                gradient = any(tensor.requires_grad for tensor in compare.leaves(out))
                run.differentiable[splice.index] |= gradient
                if reference is not None and splice.placement == "before":
                    run.block_gave[splice.index].append(compare.grab(out))
            return out

        assert splice.module is not None
        stack.enter_context(compare.intercepted(splice.module, around))

    def moved(self, out: torch.Tensor) -> torch.Tensor:
        """A block may give back its input (dropout in eval): move it, to see who reads it."""
        if not out.is_floating_point():
            return out
        generator = torch.Generator().manual_seed(self.seed)
        noise = torch.randn(out.shape, generator=generator).to(out.device, out.dtype)
        return out + noise * (0.1 * (out.detach().abs().mean() + 0.1))

    def check_fed(self, splice: Splice, run: Run, reference: Run, fed: compare.Tensors) -> None:
        number = run.block_calls[splice.index]
        run.block_calls[splice.index] += 1
        wanted = splice.expected(len(reference.seen[splice.index]))
        if number >= len(wanted):
            return  # called too often, which the count tells
        # The layer's own call in this run; or the reference's, where the block runs inside the
        # layer's forward or where the layer is a container that is now unrolled.
        for source in (run, reference):
            seen = source.seen[splice.index]
            if wanted[number] < len(seen) and splice.agree(fed, seen[wanted[number]]):
                return
        what = "what %s gave" if splice.placement == "after" else "what %s was fed"
        run.misfed[splice.index].append("%s is not fed %s" % (splice.name, what % splice.target))

    def guard(self) -> List[_Guarded]:
        """The old state before a block runs: buffers by value, parameters by their version."""
        return [
            (s, _version(s.tensor), s.tensor.detach().clone() if s.kind == "buffer" else None)
            for s in self.guarded
        ]

    def counted(self, run: Run, count: bool, forward: Any, args: tuple, kwargs: dict) -> Any:
        if not count:
            return forward(*args, **kwargs)
        with cost.Counter() as counter:
            out = forward(*args, **kwargs)
        run.macs += counter.macs
        return out

    def trace(self, stack: contextlib.ExitStack, wanted: bool, model: nn.Module, run: Run) -> None:
        """Take down what leaf modules give, outside the blocks and the layers they replace."""
        if not wanted:
            return
        skipped = set()  # type: Set[int]
        for splice in self.splices:
            assert splice.module is not None and splice.old is not None
            skipped.update(id(module) for module in splice.module.modules())
            if splice.placement == "replace":
                skipped.update(id(module) for module in splice.old.modules())

        def around(name: str) -> _Around:
            def traced(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
                out = forward(*args, **kwargs)
                if self.live:
                    run.events.append((name, compare.checksum(out)))
                    if run.first_block_event is not None:
                        floats = compare.floats(compare.leaves(out))
                        run.activations.extend(tensor for tensor in floats if tensor.requires_grad)
                return out

            return traced

        # The edited model has layers of its own, such as the slots of instances without a block.
        common = {name for name, _ in self.original_model.named_modules()}
        for name, module in list(model.named_modules()):
            leaf = not any(True for _ in module.children())
            if leaf and name in common and id(module) not in skipped:
                stack.enter_context(compare.intercepted(module, around(name)))


def _bound(around: Callable[..., Any], here: List[Splice]) -> _Around:
    def bound(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        return around(here, forward, args, kwargs)

    return bound


def _picked(out: Any, splice: Splice) -> Any:
    try:
        return pick(out, splice.element)
    except (TypeError, KeyError, IndexError):
        return None


def _version(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _written(guard: List[_Guarded]) -> Optional[str]:
    """Which old tensor a block wrote to."""
    for slot, version, value in guard:
        if (
            slot.holder.get(slot.path.rpartition(".")[2]) is not slot.tensor
            or _version(slot.tensor) != version
            or (value is not None and not compare.same_tensor(slot.tensor, value))
        ):
            return slot.path
    return None
