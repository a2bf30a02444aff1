"""The output of the block is read: outputs change with it, and it can be trained."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import torch

from stitchgen.observer.checks.check import Check
from stitchgen.observer.checks.evidence import (
    STEP,
    Evidence,
    ModeEvidence,
    Output,
    differentiable,
)
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.gradients import RETRIES, Gradients
from stitchgen.observer.checks.wording import few
from stitchgen.observer.forwards.run import Run
from stitchgen.observer.tensors.gradients import random_sum, reached
from stitchgen.observer.tensors.values import floats, leaves, same

#: How often outputs that do not show the block are asked for their gradients, with other inputs and weights.
TRIES = 4


class Consumed(Check):
    name = "consumed"

    def __init__(self) -> None:
        #: Whether a mode showed that something reads the blocks' outputs.
        self.moved = False
        #: Whether it was the model's outputs that showed it.
        self.shown = False
        #: Splices whose gradients were judged.
        self.trained: Set[int] = set()
        #: By what else than the outputs it was judged, and in which modes.
        self.judged: Dict[str, List[str]] = {}

    def in_mode(self, runs: ModeEvidence) -> None:
        if not runs.splices or not runs.ran_blocks:
            return
        moved = self.moves(runs)
        self.moved = self.moved or moved
        if runs.mode == "train":
            if not moved:
                message = "Nothing in the model reads the output of %s in train."
                raise runs.fail("consumed", message % runs.evidence.blocks)
            gradients = Gradients(runs.evidence, runs.mode, runs.index, self.trained)
            gradients.check(runs.edited, runs.reference, runs.splices)

    def after_runs(self, evidence: Evidence) -> None:
        if evidence.splices and not self.moved:
            message = "Nothing in the model reads the output of %s."
            raise CheckFailed("consumed", message % evidence.blocks)
        if not self.shown:
            check_reached(
                evidence, [*dict.fromkeys(mode for modes in self.judged.values() for mode in modes)]
            )
        for message, modes in self.judged.items():
            evidence.note(message % " and ".join(modes))
        untrained = [splice for splice in evidence.splices if splice.index not in self.trained]
        if untrained:
            message = "%s is not called in train: its gradients were taken in eval."
            evidence.note(message % " and ".join(few([splice.target for splice in untrained])))
            run = evidence.runner.edited("eval", 0, None)
            Gradients(evidence, "eval", 0, self.trained).check(run, None, untrained)

    def moves(self, runs: ModeEvidence) -> bool:
        """Whether the output changes; else whether an activation outside the block does."""
        evidence, runner, mode = runs.evidence, runs.runner, runs.mode
        outputs = floats(leaves(runs.edited.output))
        if outputs and not same(runs.output.floats, outputs):
            self.shown = True
            return True
        tries = RETRIES if mode == "train" else 2
        for again in range(runs.index, runs.index + STEP * tries, STEP):
            plain = runner.original(mode, again, trace=True)
            run = runner.edited(mode, again, None, trace=True)
            reference = evidence.reference_run(mode, again, trace=True)
            if reference is not None and not same_events(reference, run):
                runs.require_unharmed(plain, upstream=False)
                message = "The output of %s does not reach all that reads %s."
                raise runs.fail("consumed", message % (evidence.blocks, evidence.targets))
            if not same_events(plain, run):
                what = "do not show it" if outputs else "hold no floating-point numbers"
                self.judge(
                    mode, "In %s the outputs " + what + ": judged on the activations of the layers."
                )
                return True
            if Output(plain.output).difference(run.output):
                self.shown = True
                self.judge(mode, "In %s only outputs that are no floating-point numbers changed.")
                return True
        return False

    def judge(self, mode: str, message: str) -> None:
        modes = self.judged.setdefault(message, [])
        if mode not in modes:
            modes.append(mode)


def check_reached(evidence: Evidence, modes: Sequence[str]) -> None:
    """Refuse a block that no output depends on where one depends on the layer: what is kept of that is another part, as
    the class token is beside the block's positions."""
    for splice in evidence.splices:
        new = [one for _, one in splice.parameters() if one.requires_grad]
        every = splice.layer.parameters() if splice.layer is not None else ()
        own = [one for one in every if one.requires_grad and not any(one is other for other in new)]
        of_layer = of_block = False
        for attempt in range(TRIES if own and new else 0):
            for mode in modes:
                gradients = gradients_of(evidence, mode, attempt, [*own, *new])
                of_layer = of_layer or any(map(is_felt, gradients[: len(own)]))
                of_block = of_block or any(map(is_felt, gradients[len(own) :]))
            if of_block:
                break
            evidence.models.perturb_blocks(attempt + 1)
        if of_layer and not of_block:
            message = "No output depends on %s, though one depends on %s: what the model keeps of that is not what the block is fed."
            raise CheckFailed("consumed", message % (splice.named, splice.target))


def gradients_of(
    evidence: Evidence, mode: str, attempt: int, parameters: Sequence[torch.Tensor]
) -> Sequence[Optional[torch.Tensor]]:
    """What the outputs of one run say of each parameter; nothing where they have no gradient, or one that can be asked
    for in another way alone."""
    run = evidence.attempt(mode, lambda: evidence.runner.edited(mode, STEP * attempt, None))
    losses = differentiable(run.output)
    if not losses or reached(losses)[1]:
        return ()
    total = random_sum(losses, evidence.models.seed + attempt)
    return torch.autograd.grad(total, parameters, allow_unused=True)


def is_felt(gradient: Optional[torch.Tensor]) -> bool:
    return gradient is not None and bool((gradient != 0).any())


def same_events(a: Run, b: Run) -> bool:
    """The same activations, layer by layer; a splice may have put calls into another order."""
    return sorted(a.events, key=layer_of) == sorted(b.events, key=layer_of)


def layer_of(event: Tuple[str, Tuple[Any, ...]]) -> str:
    return event[0]
