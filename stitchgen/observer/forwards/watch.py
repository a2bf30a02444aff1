"""What is recorded while a forward runs: calls of layers and blocks, outputs, cost, activations.

Every function here puts wrappers around forwards, which the stack takes away again.
"""

from __future__ import annotations

import collections
import contextlib
from typing import Any, Callable, Deque, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import torch
from torch import nn

from stitchgen.observer.channel_axis import (
    MOST_KEPT,
    Producer,
    axes_of_channels,
    has_gradient,
    mixes_positions,
    producer_of,
)
from stitchgen.observer.cost import Counter
from stitchgen.observer.forwards.models import Guarded, Models, written
from stitchgen.observer.forwards.run import Run
from stitchgen.observer.forwards.splice import Splice
from stitchgen.observer.layout import hint_of
from stitchgen.observer.tensors.intercept import Args, Around, Forward, Kwargs, intercepted
from stitchgen.observer.tensors.randomness import forked_randomness
from stitchgen.observer.tensors.values import Tensors, checksum, floats, grab, leaves, same

Stack = contextlib.ExitStack
#: Runs in place of the forward of a module, given the splices that it has.
AroundSplices = Callable[[List[Splice], Forward, Args, Kwargs], Any]


def watch_layers(
    stack: Stack, pairs: Sequence[Tuple[Optional[nn.Module], Splice]], around: AroundSplices
) -> None:
    """Intercept modules, each once with all the splices that it has."""
    modules: Dict[int, Tuple[nn.Module, List[Splice]]] = {}
    for module, splice in pairs:
        if module is not None:
            modules.setdefault(id(module), (module, []))[1].append(splice)
    for module, here in modules.values():
        stack.enter_context(intercepted(module, _bound(around, here)))


def _bound(around: AroundSplices, here: List[Splice]) -> Around:
    def bound(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
        return around(here, forward, args, kwargs)

    return bound


def watch_sources(stack: Stack, splices: Sequence[Splice], run: Run, *, edited: bool) -> None:
    """Keep what the further sources return, and which tensor goes to a reader."""
    pairs: Dict[str, Optional[nn.Module]] = {}
    targets: Set[str] = set()
    for splice in splices:
        for path, ours, theirs in splice.source_modules:
            pairs[path] = theirs if edited else ours
        if splice.join.pyramid:
            targets.update(splice.sources)
        if splice.into:
            pairs[splice.target] = splice.layer if edited else splice.old
            targets.add(splice.target)

    def around(path: str) -> Around:
        def kept(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            out = forward(*args, **kwargs)
            if run.live:
                if path in targets:
                    run.returned[path] = out
                if isinstance(out, torch.Tensor):
                    run.kept[path] = out.clone()  # what follows may write to it in place
            return out

        return kept

    for path, module in pairs.items():
        if module is not None:
            stack.enter_context(intercepted(module, around(path)))


def watch_block(
    stack: Stack,
    models: Models,
    splice: Splice,
    run: Run,
    reference: Optional[Run] = None,
    *,
    count: bool = False,
) -> None:
    """Run the block in the same way whether put there from outside or called by the model.

    `reference` is the run that shows what the block should be fed; with it the block's calls are
    checked. `count` adds up what the block costs.
    """

    def around(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
        fed = grab(splice.block_was_fed(args, kwargs))
        guard: List[Guarded] = []
        if run.live:
            run.note_block()
            if reference is not None:
                check_fed(splice, run, reference, fed)
                if run.block_calls[splice.index] == 1:
                    guard = models.guard()
        # The same draws for every call, so that a checkpoint sees the same again.
        with forked_randomness(models.seed + 31 * splice.index):
            out = counted(run, forward, args, kwargs, count=count and run.live)
        overwritten = written(guard)
        if overwritten:
            run.overwritten.setdefault(splice.index, overwritten)
        if isinstance(out, torch.Tensor) and same([out], fed[:1]):
            out = moved(out, models.seed)
        if run.live:
            run.differentiable[splice.index] |= is_differentiable(out)
            if reference is not None and splice.placement.changes_input:
                run.block_returned[splice.index].append(grab(out))
        return out

    if splice.module is not None:
        stack.enter_context(intercepted(splice.module, around))


def watch_channel_axes(stack: Stack, model: nn.Module, splices: Sequence[Splice], run: Run) -> None:
    """Find by experiment along which axis each block is fed the channels, at its first call."""
    blocks = {id(s.module): s for s in splices if s.module is not None and len(s.layout) > 2}
    # What a block has inside is counted, which a gradient in its midst would be as well.
    inside = {id(module) for s in splices for part in s.modules() for module in part.modules()}
    producers: Deque[Producer] = collections.deque(maxlen=MOST_KEPT)

    def around(module: nn.Module) -> Around:
        # A convolution takes channels and gives them whatever it is fed: no gradient is asked.
        asks = hint_of(module) != "first"

        def watched(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            if not run.live:
                return forward(*args, **kwargs)
            splice = blocks.get(id(module))
            if splice is not None:
                if splice.index not in run.channel_axes:
                    with aside(run):
                        fed = splice.block_was_fed(args, kwargs)
                        note_channel_axes(run, splice, fed, list(producers))
                return forward(*args, **kwargs)
            mixes = False
            if asks:
                with aside(run):
                    mixes = mixes_positions(module, args, list(producers))
            out = forward(*args, **kwargs)
            with aside(run) if asks else contextlib.nullcontext():
                producer = None if mixes else producer_of(module, out)
            if producer is not None:
                producers.append(producer)
            return out

        return watched

    for path, module in model.named_modules() if blocks else ():
        # Of what neither its type nor a weight of its own tells the axis, nothing is learnt.
        tells = hint_of(module) is not None or any(True for _ in module.parameters(recurse=False))
        wanted = id(module) in blocks or (tells and id(module) not in inside)
        if path and wanted and not isinstance(module, torch.jit.ScriptModule):
            stack.enter_context(intercepted(module, around(module)))


def note_channel_axes(
    run: Run, splice: Splice, fed: Tensors, producers: Sequence[Producer]
) -> None:
    value = next(iter(fed), None)
    if value is None or value.dim() != len(splice.layout):
        return
    axes: Tuple[int, ...] = ()
    if has_gradient(value):
        axes = axes_of_channels(value, splice.layout.index("N"), producers)
    run.channel_axes[splice.index] = axes


@contextlib.contextmanager
def aside(run: Run) -> Iterator[None]:
    """For a gradient within a forward: a checkpoint runs its part again, which does not count."""
    run.live = False
    for counter in run.counters:
        counter.paused = True
    try:
        yield
    finally:
        run.live = True
        for counter in run.counters:
            counter.paused = False


def check_fed(splice: Splice, run: Run, reference: Run, fed: Tensors) -> None:
    """Count a call of the block, and note where it is not fed what it should be."""
    number = run.block_calls[splice.index]
    run.block_calls[splice.index] += 1
    wanted = splice.expected(len(reference.seen[splice.index]))
    if number >= len(wanted):
        return  # called too often, which the count shows
    # The layer's own call in this run; or the reference's, where the block runs inside the
    # layer's forward or where the layer is a container that is now unrolled.
    for source in (run, reference):
        seen = source.seen[splice.index]
        if wanted[number] < len(seen) and splice.agree(fed, seen[wanted[number]]):
            return
    what = "what %s gave" if splice.placement.fed_output else "what %s was fed"
    if splice.sources:
        what += " and what %s gave" % " and ".join(splice.sources)
    run.misfed[splice.index].append("%s is not fed %s" % (splice.name, what % splice.target))


def moved(out: torch.Tensor, seed: int) -> torch.Tensor:
    """A block may give back its input (dropout in eval): move it, to see who reads it."""
    if not out.is_floating_point():
        return out
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(out.shape, generator=generator).to(out.device, out.dtype)
    return out + noise * (0.1 * (out.detach().abs().mean() + 0.1))


def count_parts(stack: Stack, splice: Splice, run: Run) -> None:
    """What was added beside the block has its cost too."""

    def around(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
        return counted(run, forward, args, kwargs, count=run.live)

    for module in splice.modules():
        if module is not splice.module:
            stack.enter_context(intercepted(module, around))


def counted(run: Run, forward: Forward, args: Args, kwargs: Kwargs, *, count: bool) -> Any:
    """Run a forward, and with `count` add up its multiply-accumulates."""
    if not count:
        return forward(*args, **kwargs)
    with Counter() as counter:
        run.counters.append(counter)
        out = forward(*args, **kwargs)
        run.counters.pop()
    run.macs += counter.macs
    return out


def watch_activations(
    stack: Stack, models: Models, splices: Sequence[Splice], model: nn.Module, run: Run
) -> None:
    """Keep what leaf modules return, outside of the blocks and the layers that they replace."""
    skipped: Set[int] = set()
    for splice in splices:
        assert splice.old is not None
        for part in splice.modules():
            skipped.update(id(module) for module in part.modules())
        if splice.placement.replaces:
            skipped.update(id(module) for module in splice.old.modules())

    def around(name: str) -> Around:
        def traced(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            out = forward(*args, **kwargs)
            if run.live:
                run.events.append((name, checksum(out)))
                if run.first_block_event is not None:
                    run.activations.extend(t for t in floats(leaves(out)) if t.requires_grad)
            return out

        return traced

    # The edited model has layers of its own, such as the slots of instances without a block.
    common = {name for name, _ in models.original.named_modules()}
    for name, module in list(model.named_modules()):
        leaf = not any(True for _ in module.children())
        if leaf and name in common and id(module) not in skipped:
            stack.enter_context(intercepted(module, around(name)))


def is_differentiable(value: Any) -> bool:
    return any(tensor.requires_grad for tensor in leaves(value))
