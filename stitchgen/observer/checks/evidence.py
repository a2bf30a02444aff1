"""What the checks judge by: the two models, the runs of each mode, and further runs on demand.

In eval and in train three forwards are run: the original; the reference, which is the original with
the very blocks of the edited model put at their layers from outside; the edited model. What the edited
model returns, and the statistics it leaves, must be the reference's bit for bit. That says more than a
comparison with the block as identity does: it also finds a reader of the layer that the block's output
does not reach. The identity is run where the two differ, to see whether the edit harmed something
elsewhere or the block is not consumed, and where there can be no reference.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Set, Tuple, cast

from torch import nn

from stitchgen.observer.checks.failed import CheckFailed, Unstable
from stitchgen.observer.checks.wording import few, short
from stitchgen.observer.forwards.run import Run
from stitchgen.observer.forwards.runner import Runner
from stitchgen.observer.tensors.gradients import reached
from stitchgen.observer.tensors.slots import slots
from stitchgen.observer.tensors.values import Tensors, difference, finite, floats, frozen, leaves

#: How far apart the seeds of further tries are, so that no two modes share one.
STEP = 10
#: The sizes of perturbation that are tried, until all stays finite.
SCALES = (1.0, 0.1, 0.0)


class Output:
    """An output to compare with later, without its graph and safe from in-place operations."""

    def __init__(self, output: Any) -> None:
        self.flat = frozen(output)
        self.floats = floats(leaves([leaf for _, leaf in self.flat]))

    def difference(self, other: Any) -> Optional[str]:
        """In words; None for equal bits."""
        return difference(self.flat, frozen(other, copy=False))


class Reference:
    """The reference run, reduced to what is compared: its graph would fill the memory."""

    def __init__(self, run: Run, model: nn.Module) -> None:
        self.run = run
        self.output = Output(run.output)
        found, self.hidden = reached(differentiable(run.output))
        #: Paths of the tensors that a gradient reaches.
        self.reached = paths_of(model, found)
        # Inside a reentrant checkpoint nothing is differentiable until the backward.
        self.differentiable = self.hidden or any(run.differentiable.values())


class Evidence:
    """Runs of the models at one perturbation, and the notes for the report."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.models = runner.models
        self.splices = runner.splices
        self.notes: List[str] = []
        #: Names of checks that nothing could be shown of.
        self.unshown: Set[str] = set()
        self.backwards = 0
        #: What was added and where, for sentences.
        self.blocks = " and ".join(few([splice.named for splice in self.splices]))
        self.targets = " and ".join(few([splice.target for splice in self.splices]))

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def attempt(self, mode: str, run: Callable[[], Run]) -> Run:
        """A run of the edited model; raises `CheckFailed` (builds) where it does not run."""
        try:
            return run()
        except Exception as error:
            message = "The edited model does not run in %s: %s." % (mode, short(error))
            raise CheckFailed("builds", message, mode) from error

    def require_finite(self, output: Any, what: str) -> None:
        """Raises `Unstable` where less perturbation may help, else makes a note."""
        if not finite(leaves(output)):
            if self.models.scale != SCALES[-1]:
                raise Unstable()
            self.note("%s gives values that are not finite, by itself." % what)

    def reference_run(self, mode: str, index: int, *, trace: bool = False) -> Optional[Run]:
        """None where something comes between the layer and the block: they cannot be equal."""
        for splice in self.splices:
            assert splice.old is not None
            bare = splice.adapter and not splice.is_joined  # in an order that is not known
            if bare or splice.old._forward_hooks:
                return None
        try:
            return self.runner.reference(mode, index, trace=trace)
        except Exception as error:
            # The edited model may run all the same; if it does not, it shows the reason better.
            message = "The block cannot be put at its layer from outside (%s): judged as identity."
            self.note(message % short(error))
            return None


class ModeEvidence:
    """The runs in one mode: eval, train."""

    def __init__(self, evidence: Evidence, mode: str, index: int, *, count: bool) -> None:
        """Runs the original; `count` adds up what the edit costs, here and in `run_edited`."""
        self.evidence = evidence
        self.runner = evidence.runner
        self.splices = evidence.splices
        self.mode = mode
        self.count = count
        #: The seed of the runs, the run of the original, and its output.
        self.index, self.plain, self.output = self.know_plain(index)
        self.reference: Optional[Reference] = None

    def know_plain(self, index: int) -> Tuple[int, Run, Output]:
        """The run of the original, as a former proof saw it where that kept it."""
        models, splices = self.evidence.models, self.splices
        # Of these nothing is kept but how often their layers are called.
        plain = splices and not any(s.sources or s.into or s.placement.replaces for s in splices)
        targets = tuple(splice.target for splice in splices)
        key = ("plain", models.scale, models.seed, self.mode, index, targets)
        if plain and key in models.known.shown:
            return cast(Tuple[int, Run, Output], models.known.shown[key])
        used, run = self.run_plain(index)
        self.evidence.require_finite(run.output, "The model")
        output = Output(run.output)
        run.output = None  # and with it the graph
        if plain and finite(output.floats):
            models.known.shown[key] = used, run, output
        return used, run, output

    def run_plain(self, index: int) -> Tuple[int, Run]:
        """The original, if possible under a seed that calls every layer: stochastic depth skips."""
        runs: List[Tuple[int, Run]] = []
        for again in range(index, index + STEP * (4 if self.mode == "train" else 1), STEP):
            run = self.runner.original(self.mode, again, count=self.count)
            if all(run.layer_calls.values()):
                return again, run
            runs.append((again, run))
        return max(runs, key=lambda pair: sum(map(bool, pair[1].layer_calls.values())))

    def run_edited(self) -> None:
        """Run the reference, where there can be one, and the edited model.

        Raises `CheckFailed` (builds) where that does not run.
        """
        evidence, mode, index = self.evidence, self.mode, self.index
        seen: Optional[Run] = None
        if self.splices:
            run = evidence.reference_run(mode, index)
            if run is not None:
                self.reference = Reference(run, evidence.models.original)
                evidence.require_finite(run.output, "The model with its block")
                run.output = None  # and with it the graph
            seen = run or self.runner.original(mode, index, record=True)
        self.edited = evidence.attempt(
            mode, lambda: self.runner.edited(mode, index, seen, count=self.count)
        )

    @property
    def ran_blocks(self) -> bool:
        """Whether the edited model ran anything of what was added."""
        bare = any(splice.module is None for splice in self.splices)  # fused without a block
        return bare or any(self.edited.block_calls.values())

    def fail(self, check: str, message: str) -> CheckFailed:
        return CheckFailed(check, message, self.mode)

    def require_deterministic(self) -> None:
        """Asked before something is blamed on the edit."""
        found = self.output.difference(self.runner.original(self.mode, self.index).output)
        if found:
            message = (
                "The model itself is not deterministic, so nothing can be proven about it: "
                "in two runs of the original in %s, from the same random state, %s."
            )
            raise self.fail("elsewhere", message % (self.mode, found))

    def neutral(self, *, trace: bool = False) -> Optional[Run]:
        """The edited model with its blocks without effect; None where that cannot be had."""
        try:
            return self.runner.neutral(self.mode, self.index, trace=trace)
        except Exception as error:
            message = "The edited model does not run in %s: %s." % (self.mode, short(error))
            raise self.fail("builds", message) from error

    def require_unharmed(self, plain: Run, *, upstream: bool) -> None:
        """With neutral blocks every layer gives what it gave; `upstream`: those before a block.

        `plain` is a traced run of the original. Where the edit harmed something further up, a layer
        is fed wrong values as well.
        """
        neutral = self.neutral(trace=True)
        if neutral is None:
            return
        end = neutral.first_block_event if upstream else None
        name = first_apart(plain, neutral, end)
        if name is not None:
            message = "Without the effect of %s, %s gives something else."
            raise self.fail("elsewhere", message % (self.evidence.blocks, name))


def differentiable(output: Any) -> Tensors:
    """The tensors of an output that have a gradient."""
    return [tensor for tensor in floats(leaves(output)) if tensor.requires_grad]


def paths_of(model: nn.Module, identities: Set[int]) -> Set[str]:
    """Paths of the tensors with these ids."""
    return {slot.path for slot in slots(model) if id(slot.tensor) in identities}


def first_apart(a: Run, b: Run, end: Optional[int]) -> Optional[str]:
    """The first layer whose activation differs, among those before the event `end`."""
    for ours, theirs in zip(a.events, b.events[:end]):
        if ours != theirs:
            return theirs[0]
    return None
