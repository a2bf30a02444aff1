"""The forwards that a proof is made of.

    original   the model as it was
    reference  the original with the very blocks of the edited model put at its layers from outside
    edited     the model as it would be
    closed     the edited model with all that was added as it starts: its gates are closed
    neutral    the edited model with its blocks as identity, or with the old modules put back

All start from one state with one randomness. What they prove is up to the `checks`.
"""

from __future__ import annotations

import contextlib
import types
import warnings
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, cast

import torch
from torch import nn

from stitchgen.observer.forwards import by_hand, watch
from stitchgen.observer.forwards.arguments import exchange, find, picked, put, swapped, take
from stitchgen.observer.forwards.models import Models
from stitchgen.observer.forwards.neutral import Substitute, substitutes
from stitchgen.observer.forwards.run import Run
from stitchgen.observer.forwards.splice import Splice
from stitchgen.observer.modes import set_mode
from stitchgen.observer.tensors.intercept import Args, Around, Forward, Kwargs, intercepted
from stitchgen.observer.tensors.randomness import seed_all
from stitchgen.observer.tensors.values import grab

#: Gives the i-th fresh input, the same whenever it is asked.
Inputs = Callable[[int], Tuple[Args, Kwargs]]


class Runner:
    """Runs the two models from one perturbed state. Both are changed by it."""

    def __init__(
        self,
        models: Models,
        splices: Sequence[Splice],
        inputs: Inputs,
        inputs_train: Optional[Inputs] = None,
    ) -> None:
        self.models = models
        self.splices = splices
        self.inputs = {"eval": inputs, "train": inputs_train or inputs}
        self.forwards = 0

    def original(
        self,
        mode: str,
        index: int,
        *,
        record: bool = False,
        trace: bool = False,
        count: bool = False,
    ) -> Run:
        """`record` keeps what the layers saw, `count` what replaced layers cost."""
        run = Run(self.splices)

        def around(here: List[Splice], forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            if not run.live:
                return forward(*args, **kwargs)
            for splice in here:
                run.layer_calls[splice.index] += 1
                if record and not splice.placement.fed_output:
                    run.seen[splice.index].append(grab(splice.layer_was_fed(args, kwargs)))
                elif record and splice.into:
                    value = run.returned[splice.target]
                    run.seen[splice.index].append(by_hand.taken(splice, run, value))
            counting = count and here[0].placement.replaces
            out = watch.counted(run, forward, args, kwargs, count=counting)
            for splice in here:
                if record and splice.placement.fed_output and not splice.into:
                    value = picked(out, splice.element)
                    run.seen[splice.index].append(by_hand.taken(splice, run, value))
            return out

        original = self.models.original
        with contextlib.ExitStack() as stack:
            self.watch_activations(stack, original, run, wanted=trace)
            watch.watch_sources(stack, self.splices, run, edited=False)
            watch.watch_layers(stack, [(s.host, s) for s in self.splices], around)
            self.forward(original, mode, index, run)
        return run

    def traced_original(self, mode: str, index: int) -> Run:
        """The original with the activations of its layers, as a former proof saw them where that kept them."""
        models = self.models
        if any(splice.placement.replaces for splice in self.splices):
            return self.original(mode, index, trace=True)  # which leaves out what is replaced
        key = ("traced", models.scale, models.seed, mode, index)
        if key not in models.known.shown:
            shown = Run(())
            shown.events = self.original(mode, index, trace=True).events
            models.known.shown[key] = shown
        return cast(Run, models.known.shown[key])

    def reference(self, mode: str, index: int, *, trace: bool = False) -> Run:
        """Raises whatever the blocks raise where they cannot be put at their layers."""
        run = Run(self.splices)
        original = self.models.original
        with contextlib.ExitStack() as stack:
            self.watch_activations(stack, original, run, wanted=trace)
            watch.watch_sources(stack, self.splices, run, edited=False)
            hosts = [(s.host, s) for s in self.splices]
            watch.watch_layers(stack, hosts, _Reference(run).around)
            for splice in self.splices:
                watch.watch_block(stack, self.models, splice, run)
            self.forward(original, mode, index, run, (self.models.edited,))
        return run

    def edited(
        self,
        mode: str,
        index: int,
        reference: Optional[Run],
        *,
        trace: bool = False,
        count: bool = False,
    ) -> Run:
        """`reference` shows what the blocks should be fed; `count` adds up what they cost."""
        run = Run(self.splices)

        def around(here: List[Splice], forward: Forward, args: Args, kwargs: Kwargs) -> Any:
            if not run.live:
                return forward(*args, **kwargs)
            for splice in here:
                call = run.layer_calls[splice.index]
                run.layer_calls[splice.index] += 1
                wanted = splice.expected(call + 1)
                if splice.placement.is_branch:
                    seen = splice.layer_was_fed(args, kwargs)
                    run.seen[splice.index].append(grab([*seen, *by_hand.sources(splice, run)]))
                if splice.placement.changes_input and splice.serial and call in wanted:
                    fed = splice.layer_was_fed(args, kwargs)
                    returned, number = run.block_returned[splice.index], wanted.index(call)
                    if number >= len(returned) or not splice.agree(fed, returned[number]):
                        message = "%s is not fed what %s gave" % (splice.target, splice.block)
                        run.misfed[splice.index].append(message)
            out = forward(*args, **kwargs)
            for splice in here:
                if splice.placement.fed_output and not splice.into:
                    value = picked(out, splice.element)
                    run.seen[splice.index].append(by_hand.taken(splice, run, value))
            return out

        edited = self.models.edited
        with contextlib.ExitStack() as stack:
            self.watch_activations(stack, edited, run, wanted=trace)
            watch.watch_sources(stack, self.splices, run, edited=True)
            if mode == "eval" and reference is not None:
                watch.watch_channel_axes(stack, edited, self.splices, run)
            watch.watch_layers(stack, [(s.edited_host, s) for s in self.splices], around)
            for splice in self.splices:
                wanted = reference or Run(self.splices)
                watch.watch_block(stack, self.models, splice, run, wanted, count=count)
                if count:
                    watch.count_parts(stack, splice, run)
            self.forward(edited, mode, index, run)
        for splice in self.splices:
            if splice.module is None:  # what is fused without a block is computed with the layer
                number = splice.index
                known = reference.layer_calls[number] if reference is not None else 1
                run.block_calls[number] = run.layer_calls[number] or known
                run.differentiable[number] = watch.is_differentiable(run.output)
        return run

    def closed(self, mode: str, index: int, *, trace: bool = False) -> Run:
        """The edited model with all that was added as it starts: its gates are closed."""
        run = Run(self.splices)
        edited = self.models.edited
        with contextlib.ExitStack() as stack:
            self.watch_activations(stack, edited, run, wanted=trace)
            for splice in self.splices:
                watch.watch_block(stack, self.models, splice, run)
            self.forward(edited, mode, index, run, adjust=self.models.reset_blocks)
        return run

    def neutral(self, mode: str, index: int, *, trace: bool = False) -> Optional[Run]:
        """None where the parts of a splice cannot be made to change nothing."""
        run = Run(self.splices)
        pairs: List[Substitute] = []
        gates: List[torch.Tensor] = []
        for splice in self.splices:
            gate = splice.gate
            if gate is not None:
                gates.append(gate)
                continue
            found = substitutes(splice)
            if found is None:
                return None
            pairs.extend(found)

        def noted(instead: Around) -> Around:
            def around(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
                if run.live:
                    run.note_block()
                return instead(forward, args, kwargs)

            return around

        def shut() -> None:
            for gate in gates:
                gate.data.zero_()

        edited = self.models.edited
        replacing = any(splice.placement.replaces for splice in self.splices)
        with contextlib.ExitStack() as stack:
            self.watch_activations(stack, edited, run, wanted=trace)
            for pair in pairs:
                stack.enter_context(intercepted(pair.module, noted(pair.around)))
            others = (self.models.original,) if replacing else ()
            self.forward(edited, mode, index, run, others, shut)
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
        for each in (model, *others):
            self.models.restore(each)
            set_mode(each, training=mode == "train")
        if adjust is not None:
            adjust()
        # The user's own expression for the input may draw from numpy or random.
        seed_all(self.models.seed + index)
        args, kwargs = self.inputs[mode](index)
        seed_all(self.models.seed + index)
        self.forwards += 1
        run.live = True
        try:
            plain = model is self.models.original and not others
            reused = self.models.known.convolutions.reused(lasting=plain)
            with torch.enable_grad(), warnings.catch_warnings(), reused:
                warnings.simplefilter("ignore")
                output = model(*args, **kwargs)
                run.output = list(output) if isinstance(output, types.GeneratorType) else output
        finally:
            run.live = False

    def watch_activations(
        self, stack: contextlib.ExitStack, model: nn.Module, run: Run, *, wanted: bool
    ) -> None:
        if wanted:
            watch.watch_activations(stack, self.models, self.splices, model, run)


class _Reference:
    """Runs layers of the original with the edited model's blocks put at them."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def around(self, here: List[Splice], forward: Forward, args: Args, kwargs: Kwargs) -> Any:
        run = self.run
        if not run.live:
            return forward(*args, **kwargs)
        applying: List[Splice] = []
        for splice in here:
            run.layer_calls[splice.index] += 1
            if splice.calls is None or run.layer_calls[splice.index] in splice.calls:
                applying.append(splice)
        inner: Forward = forward
        fed: Dict[int, Any] = {}
        for splice in here:
            if splice.into:
                value = run.returned.get(splice.target)
                run.seen[splice.index].append(by_hand.taken(splice, run, value))
                if splice in applying:
                    new = by_hand.result(splice, run, value)
                    args, kwargs = swapped(args, value, new), swapped(kwargs, value, new)
                continue
            if splice.placement.fed_output:
                continue
            seen = splice.layer_was_fed(args, kwargs)
            argument = find(args, kwargs, splice.element)
            run.seen[splice.index].append(grab([*seen, *by_hand.sources(splice, run)]))
            if splice not in applying:
                continue
            if splice.placement.replaces:
                assert splice.module is not None
                inner = splice.module
                continue
            assert argument is not None
            value = take(args, kwargs, argument)
            if splice.placement.is_branch:
                fed[splice.index] = value.clone()  # the layer may write to it in place
            else:
                args, kwargs = put(args, kwargs, argument, by_hand.result(splice, run, value))
        out = inner(*args, **kwargs)
        for splice in here:
            if not splice.placement.changes_output or splice.into:
                continue
            value = picked(out, splice.element)
            if splice.placement.fed_output:
                run.seen[splice.index].append(by_hand.taken(splice, run, value))
            if splice in applying:
                new = by_hand.result(splice, run, value, fed.get(splice.index))
                out = exchange(out, splice.element, new)
                if splice.module is None:
                    run.differentiable[splice.index] |= watch.is_differentiable(new)
        return out
