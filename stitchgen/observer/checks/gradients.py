"""Every new parameter gets a finite gradient that is not zero: a part of the check `consumed`."""

from __future__ import annotations

import warnings
from typing import Dict, List, NamedTuple, Optional, Sequence, Set

import torch

from stitchgen.observer.checks.evidence import (
    STEP,
    Evidence,
    Reference,
    differentiable,
    paths_of,
)
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.wording import few, short
from stitchgen.observer.forwards.run import Run
from stitchgen.observer.forwards.splice import Splice
from stitchgen.observer.tensors.gradients import random_sum, reached
from stitchgen.observer.tensors.values import Tensors, finite

#: How often a zero gradient is tried again, with other inputs and other weights of the block.
RETRIES = 12
#: How often, where no parameter of a block is even in the graph.
RETRIES_OUTSIDE_GRAPH = 4


class Pending(NamedTuple):
    """A parameter that has had no good gradient yet."""

    splice: Splice
    parameter: torch.Tensor


class Gradients:
    """The gradients in one mode; `trained` gets the splices that were judged."""

    def __init__(self, evidence: Evidence, mode: str, index: int, trained: Set[int]) -> None:
        self.evidence = evidence
        self.runner = evidence.runner
        self.mode = mode
        self.index = index
        self.trained = trained
        #: By path, what waits for a gradient; and of that, what is in no graph so far.
        self.pending: Dict[str, Pending] = {}
        self.outside: Set[str] = set()

    def fail(self, message: str) -> CheckFailed:
        return CheckFailed("consumed", message, self.mode)

    def check(self, edited: Run, reference: Optional[Reference], splices: Sequence[Splice]) -> None:
        """A good gradient under one seed at least; `edited` is the run under the first."""
        evidence, mode = self.evidence, self.mode
        everything = self.trainable(splices)
        if everything and reference is not None and not reference.differentiable:
            # It is the model that asks for no gradients there, not the edit.
            if reference.reached:
                message = "The model itself runs %s without gradients: %s would never train."
                raise self.fail(message % (evidence.targets, evidence.blocks))
            self.trained.update(splice.index for splice in splices)
            evidence.note(
                "The model itself runs without gradients in %s: they were not judged." % mode
            )
            return
        self.pending = dict(everything)
        self.outside = set(everything)
        run = edited
        for attempt in range(RETRIES):
            if attempt:
                if self.outside == set(everything) and attempt >= RETRIES_OUTSIDE_GRAPH:
                    break
                evidence.models.perturb_blocks(attempt)
                run = self.run_again(attempt)
            self.trained.update(number for number, calls in run.block_calls.items() if calls)
            losses = differentiable(run.output)
            if any(run.differentiable.values()) and (not losses or attempt >= RETRIES // 2):
                # Integers have no gradient, and none comes back through a saturated softmax; from
                # the activations it does.
                run = self.runner.edited(mode, self.index + STEP * attempt, None, trace=True)
                losses = differentiable(run.output) + run.activations
            if attempt == 0 and reference is not None:
                self.check_graph(run, reference, losses)
            if losses and self.pending:
                for name in self.with_gradient(losses, list(self.pending), self.index + attempt):
                    del self.pending[name]
            if not self.pending:
                return
        # What no seed calls in train is looked at in eval.
        self.pending = {
            name: item for name, item in self.pending.items() if item.splice.index in self.trained
        }
        if mode == "train":
            self.try_in_eval()
        if self.pending:
            names = ", ".join(few(list(self.pending)))
            if self.outside & set(self.pending):
                raise self.fail("No gradient reaches %s." % names)
            message = "The gradient of %s is zero or not finite, under %d inputs and weights."
            raise self.fail(message % (names, RETRIES))

    def run_again(self, attempt: int) -> Run:
        again = self.index + STEP * attempt
        return self.evidence.attempt(self.mode, lambda: self.runner.edited(self.mode, again, None))

    def trainable(self, splices: Sequence[Splice]) -> Dict[str, Pending]:
        """The parameters that were added and are not frozen, tied ones once."""
        found: Dict[str, Pending] = {}
        seen: Set[int] = set()
        frozen: List[str] = []
        for splice in splices:
            own = splice.parameters()
            if own and not any(parameter.requires_grad for _, parameter in own):
                message = "All parameters of %s are frozen (requires_grad=False)."
                raise self.fail(message % splice.named)
            for name, parameter in own:
                if not parameter.requires_grad:
                    frozen.append(name)
                elif id(parameter) not in seen:
                    seen.add(id(parameter))
                    found[name] = Pending(splice, parameter)
        if frozen:
            self.evidence.note("Frozen by the block itself: %s." % ", ".join(few(frozen)))
        return found

    def check_graph(self, run: Run, reference: Reference, losses: Tensors) -> None:
        """What a gradient reaches with the block put there from outside, it reaches in the edit."""
        for splice in self.evidence.splices:
            if reference.run.differentiable[splice.index] and not run.differentiable[splice.index]:
                message = (
                    "%s runs without gradients (under torch.no_grad, or on something detached)."
                )
                raise self.fail(message % splice.block)
        found, hidden = reached(losses)
        if hidden or reference.hidden:
            return
        missing = sorted(reference.reached - paths_of(self.evidence.models.edited, found))
        if not missing:
            return
        new = [name for name, item in self.pending.items() if id(item.parameter) not in found]
        if new:
            raise self.fail("No gradient reaches %s." % ", ".join(few(new)))
        message = "The gradient no longer reaches %s: something at %s is detached."
        raise self.fail(message % (", ".join(few(missing)), self.evidence.blocks))

    def with_gradient(
        self, losses: Tensors, names: Sequence[str], seed: int, mode: str = ""
    ) -> List[str]:
        """Run a backward; those of the pending parameters that get a good gradient.

        Takes those that are in the graph out of `outside`. `mode` is that of the losses.
        """
        parameters = [self.pending[name].parameter for name in names]
        self.evidence.backwards += 1
        gradients: List[Optional[torch.Tensor]]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                usable = [tensor for tensor in losses if finite([tensor])] or losses
                total = random_sum(usable, self.evidence.models.seed + seed)
                if reached(losses)[1]:
                    # A reentrant checkpoint runs a backward of its own and needs a full one.
                    torch.autograd.backward(total)
                    gradients = [parameter.grad for parameter in parameters]
                    for parameter in self.evidence.models.edited.parameters():
                        parameter.grad = None
                else:
                    gradients = [*torch.autograd.grad(total, parameters, allow_unused=True)]
        except Exception as error:
            message = "The backward pass fails: %s." % short(error)
            raise CheckFailed("consumed", message, mode or self.mode) from error
        good: List[str] = []
        for name, gradient in zip(names, gradients):
            if gradient is None:
                continue
            self.outside.discard(name)
            dense = gradient.to_dense() if gradient.layout != torch.strided else gradient
            if bool(torch.isfinite(dense).all()) and bool((dense != 0).any()):
                good.append(name)
        return good

    def try_in_eval(self) -> None:
        """A norm in train takes the gradient from a bias before it: in eval it shows."""
        inside = [name for name in self.pending if name not in self.outside]
        if not inside:
            return
        run = self.evidence.attempt("eval", lambda: self.runner.edited("eval", 0, None))
        losses = differentiable(run.output)
        good = self.with_gradient(losses, inside, 0, "eval") if losses else []
        if good:
            message = "Only in eval is the gradient not zero: %s."
            self.evidence.note(message % ", ".join(few(good)))
        for name in good:
            del self.pending[name]
