"""The forwards that a proof is made of, and what each of them shows.

    original   the model as it was
    reference  the original with the very blocks of the edited model put at its layers from outside
    edited     the model as it would be
    neutral    the edited model with its blocks as identity, or with the old modules put back

All start from one state with one randomness. Part of the observer: runs in the user's Python (3.8
or later, torch 1.13 or later); imports only torch, the standard library, `compare`, `cost`,
`joins`, `places` and `splices`. What the runs prove is up to `laws`.
"""

from __future__ import annotations

import contextlib
import types
import warnings
from typing import Any, Callable, Dict, List, Optional, Tuple

import torch
from torch import nn

from stitchgen.observer import compare, cost, joins
from stitchgen.observer.places import exchange, find, pick, put, swapped, take
from stitchgen.observer.splices import Splice, added_names, find_part, under

Inputs = Callable[[int], Tuple[tuple, dict]]
_Around = Callable[[Callable[..., Any], tuple, dict], Any]


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
        #: The last output of the layers that splices read beside their own, by path; and the very
        #: tensor that a target gave whose reader gets the block.
        self.kept = {}  # type: Dict[str, Any]
        self.gave = {}  # type: Dict[str, Any]


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
        self.block_names = [name for s in splices for name in added_names(edited, s)]
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
                elif record and splice.into:
                    run.seen[splice.index].append(self.taken(splice, run, run.gave[splice.target]))
            counting = count and here[0].placement == "replace"
            out = self.counted(run, counting, forward, args, kwargs)
            for splice in here:
                if record and splice.placement == "after" and not splice.into:
                    run.seen[splice.index].append(self.taken(splice, run, _picked(out, splice)))
            return out

        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.original_model, run)
            self.keep(stack, run, edited=False)
            self.watch(stack, [(s.host, s) for s in self.splices], around)
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
            fed = {}  # type: Dict[int, Any]
            for splice in here:
                if splice.into:
                    given = run.gave.get(splice.target)
                    run.seen[splice.index].append(self.taken(splice, run, given))
                    if splice in applying:
                        new = self.result(splice, run, given)
                        args, kwargs = swapped(args, given, new), swapped(kwargs, given, new)
                    continue
                if splice.placement == "after":
                    continue
                seen = splice.layer_was_fed(args, kwargs)
                place = find(args, kwargs, splice.element)
                run.seen[splice.index].append(compare.grab([*seen, *self.sources(splice, run)]))
                if splice not in applying:
                    continue
                if splice.placement == "replace":
                    assert splice.module is not None
                    inner = splice.module
                    continue
                assert place is not None
                value = take(args, kwargs, place)
                if splice.placement == "beside":
                    fed[splice.index] = value.clone()  # the layer may write to it in place
                else:
                    args, kwargs = put(args, kwargs, place, self.result(splice, run, value))
            out = inner(*args, **kwargs)
            for splice in here:
                if splice.placement not in ("after", "beside") or splice.into:
                    continue
                value = _picked(out, splice)
                if splice.placement == "after":
                    run.seen[splice.index].append(self.taken(splice, run, value))
                if splice in applying:
                    new = self.result(splice, run, value, fed.get(splice.index))
                    out = exchange(out, splice.element, new)
                    if splice.module is None:
                        run.differentiable[splice.index] |= _differentiable(new)
            return out

        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.original_model, run)
            self.keep(stack, run, edited=False)
            self.watch(stack, [(s.host, s) for s in self.splices], around)
            for splice in self.splices:
                self.at_work(stack, splice, run, None, False)
            self.forward(self.original_model, mode, index, run, (self.edited_model,))
        return run

    def result(self, splice: Splice, run: Run, value: Any, fed: Any = None) -> Any:
        """What goes on in the place of a value, with the edited model's own blocks."""
        method = splice.method
        if not method:
            assert splice.module is not None
            return splice.module(value)
        if method.get("pyramid"):
            return self.pyramid(splice, run, value)
        order, axis = method.get("adapter"), method.get("axis", 1)
        kept = self.sources(splice, run)
        if method.get("features"):
            others = []
            for path, feature in zip(splice.sources, kept):
                projection = (method.get("projections") or {}).get(path)
                if projection is not None:
                    feature = find_part(self.edited_model, projection)(feature)
                others.append(
                    joins.resized(feature, value, method.get("resize", {}).get(path), axis)
                )
        else:
            assert splice.module is not None
            first = value if fed is None else fed
            adapters = method.get("adapters") or {}
            further = [joins.adapted(k, adapters.get(p)) for p, k in zip(splice.sources, kept)]
            branch = splice.module(joins.adapted(first, order), *further)
            branch = joins.back(branch, order, first)
            projection = splice.part("project")
            if projection is not None:
                branch = projection(joins.strided(branch, method.get("step", 1)))
            others = [branch]
        return joins.joined(method, splice.part, value, others)

    def pyramid(self, splice: Splice, run: Run, value: Any) -> Any:
        """Every later reader of the features sees the block's outputs, projected back.

        No hook reaches readers that are operations, so the features are written to in place: what
        read them before has done so.
        """
        assert splice.module is not None
        paths = [*splice.sources, splice.method["pyramid"]]
        features = [*self.sources(splice, run), value]
        outputs = splice.module(*features)
        gate = splice.part("gate")
        results = []
        for path, feature, output in zip(paths, features, outputs):
            new = find_part(self.edited_model, splice.method["projections"][path])(output)
            results.append(new if gate is None else feature + gate * (new - feature))
        for path, new in zip(splice.sources, results):
            run.gave[path].copy_(new)
        return results[-1]

    def sources(self, splice: Splice, run: Run) -> List[Any]:
        return [run.kept[path] for path in splice.sources if path in run.kept]

    def taken(self, splice: Splice, run: Run, value: Any) -> compare.Tensors:
        """What the block is to be fed: the layer's value and those of the further sources."""
        further = self.sources(splice, run)
        return compare.grab(
            [*further, value] if splice.method.get("pyramid") else [value, *further]
        )

    def keep(self, stack: contextlib.ExitStack, run: Run, edited: bool) -> None:
        """Take down what the further sources give, and which tensor goes to a reader."""
        pairs = {}  # type: Dict[str, Optional[nn.Module]]
        targets = set()  # type: set
        for splice in self.splices:
            for path, ours, theirs in splice.source_modules:
                pairs[path] = theirs if edited else ours
            if splice.method.get("pyramid"):
                targets.update(splice.sources)
            if splice.into:
                pairs[splice.target] = splice.layer if edited else splice.old
                targets.add(splice.target)

        def around(path: str) -> _Around:
            def kept(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
                out = forward(*args, **kwargs)
                if self.live:
                    if path in targets:
                        run.gave[path] = out
                    if isinstance(out, torch.Tensor):
                        run.kept[path] = out.clone()  # what follows may write to it in place
                return out

            return kept

        for path, module in pairs.items():
            if module is not None:
                stack.enter_context(compare.intercepted(module, around(path)))

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
                if splice.placement == "beside":
                    seen = splice.layer_was_fed(args, kwargs)
                    run.seen[splice.index].append(compare.grab([*seen, *self.sources(splice, run)]))
                if splice.placement == "before" and splice.serial and call in wanted:
                    fed = splice.layer_was_fed(args, kwargs)
                    gave, number = run.block_gave[splice.index], wanted.index(call)
                    if number >= len(gave) or not compare.same(fed, gave[number]):
                        message = "%s is not fed what %s gave" % (splice.target, splice.block)
                        run.misfed[splice.index].append(message)
            out = forward(*args, **kwargs)
            for splice in here:
                if splice.placement == "after" and not splice.into:
                    run.seen[splice.index].append(self.taken(splice, run, _picked(out, splice)))
            return out

        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.edited_model, run)
            self.keep(stack, run, edited=True)
            self.watch(stack, [(s.edited_host, s) for s in self.splices], around)
            for splice in self.splices:
                self.at_work(stack, splice, run, reference or Run(self.splices), count)
                self.count_parts(stack, splice, run, count)
            self.forward(self.edited_model, mode, index, run)
        for splice in self.splices:
            if splice.module is None:  # what is fused without a block is computed with the layer
                number = splice.index
                told = reference.layer_calls[number] if reference is not None else 1
                run.block_calls[number] = run.layer_calls[number] or told
                run.differentiable[number] = _differentiable(run.output)
        return run

    def count_parts(
        self, stack: contextlib.ExitStack, splice: Splice, run: Run, count: bool
    ) -> None:
        """What was added beside the block has its cost too."""

        def around(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
            return self.counted(run, self.live, forward, args, kwargs)

        for module in splice.modules() if count else ():
            if module is not splice.module:
                stack.enter_context(compare.intercepted(module, around))

    def closed(self, mode: str, index: int, trace: bool = False) -> Run:
        """The edited model with all that was added as it starts: its gates are closed."""
        run = Run(self.splices)

        def start() -> None:
            with torch.no_grad():
                for slot in self.block_slots():
                    value = self.pristine_blocks.get(slot.path)
                    if value is not None and value.shape == slot.tensor.shape:
                        slot.tensor.data.copy_(value)

        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.edited_model, run)
            for splice in self.splices:
                self.at_work(stack, splice, run, None, False)
            self.forward(self.edited_model, mode, index, run, adjust=start)
        return run

    def neutral(self, mode: str, index: int, trace: bool = False) -> Optional[Run]:
        """None where the parts of a splice cannot be made to change nothing."""
        run = Run(self.splices)
        pairs = []  # type: List[Tuple[nn.Module, Splice, Callable[..., Any]]]
        gates = []  # type: List[torch.Tensor]
        for splice in self.splices:
            gate = splice.part("gate")
            if gate is not None:
                gates.append(gate)
                continue
            found = neutral_parts(splice, self.edited_model)
            if found is None:
                return None
            pairs.extend((module, splice, instead) for module, instead in found)

        def around(instead: Callable[..., Any]) -> _Around:
            def replaced(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
                if self.live and run.first_block_event is None:
                    run.first_block_event = len(run.events)
                return instead(forward, args, kwargs)

            return replaced

        def shut() -> None:
            for gate in gates:
                gate.data.zero_()

        replacing = any(splice.placement == "replace" for splice in self.splices)
        with contextlib.ExitStack() as stack:
            self.trace(stack, trace, self.edited_model, run)
            for module, _, instead in pairs:
                stack.enter_context(compare.intercepted(module, around(instead)))
            others = (self.original_model,) if replacing else ()
            self.forward(self.edited_model, mode, index, run, others, shut)
        return run

    def forward(
        self,
        model: nn.Module,
        mode: str,
        index: int,
        run: Run,
        others: Tuple[nn.Module, ...] = (),
        adjust: Optional[Callable[[], None]] = None,
    ) -> None:
        """Run a model from the state that every run starts from; `others` take part in it."""
        for each in (model,) + others:
            (self.of_original if each is self.original_model else self.of_edited).restore()
            each.train(mode == "train")
        if adjust is not None:
            adjust()
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
                run.differentiable[splice.index] |= _differentiable(out)
                if reference is not None and splice.placement == "before":
                    run.block_gave[splice.index].append(compare.grab(out))
            return out

        if splice.module is not None:
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
        if splice.sources:
            what += " and what %s gave" % " and ".join(splice.sources)
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
        skipped = set()  # type: set
        for splice in self.splices:
            assert splice.old is not None
            for part in splice.modules():
                skipped.update(id(module) for module in part.modules())
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


_Instead = Callable[[Callable[..., Any], tuple, dict], Any]


def neutral_parts(splice: Splice, edited: nn.Module) -> Optional[List[Tuple[nn.Module, _Instead]]]:
    """The modules that stand between a splice and the old outputs, and what to run in their place."""
    method = splice.method
    if splice.placement == "replace":
        old = splice.old
        assert old is not None and splice.module is not None
        return [(splice.module, lambda forward, args, kwargs: old(*args, **kwargs))]
    if method.get("pyramid"):
        return None
    if method.get("fuse") == "concat":
        reduce = splice.part("reduce")
        axis = -1 if method.get("linear") else method["axis"]
        place = method.get("position", 0)
        if place not in (0, len(splice.sources)):
            return None

        def own(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
            size = forward(*args, **kwargs).shape[axis]
            return args[0].narrow(axis, 0 if place == 0 else args[0].shape[axis] - size, size)

        return [(reduce, own)]
    if method.get("fuse"):
        branch = splice.part("project")
        if branch is None:
            branch = splice.module
        if branch is None or method.get("features"):
            return None
        fill = torch.zeros_like if method["fuse"] == "add" else torch.ones_like
        return [(branch, lambda forward, args, kwargs: fill(forward(*args, **kwargs)))]

    def identity(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        place = find(args, kwargs, None)
        return take(args, kwargs, place) if place else None

    return [] if splice.module is None else [(splice.module, identity)]


def _bound(around: Callable[..., Any], here: List[Splice]) -> _Around:
    def bound(forward: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        return around(here, forward, args, kwargs)

    return bound


def _differentiable(value: Any) -> bool:
    return any(tensor.requires_grad for tensor in compare.leaves(value))


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
