"""The laws of a splice, proven by running: the original model against the edited one.

In eval and in train three forwards are run (see `runs`): the original; the reference, which is the
original with the very blocks of the edited model put at their layers from outside; the edited
model. What the edited model gives, and the statistics it leaves, must be the reference's bit for
bit. That says more than a comparison with the block as identity does: it also finds a reader of
the layer that the block's output does not reach. The identity is run where the two differ, to tell
whether the edit harmed something elsewhere or the block is not consumed, and where there can be no
reference. One backward, in train, shows the gradients.

Part of the observer: runs in the user's Python (3.8 or later, torch 1.13 or later); imports only
torch, the standard library, `compare`, `cost`, `runs` and `splices`.
"""

from __future__ import annotations

import warnings
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import torch
from torch import nn

from stitchgen.observer import compare, cost
from stitchgen.observer.runs import Inputs, Run, Runner
from stitchgen.observer.splices import Splice, added_names, find_part, names_of, under

LAWS = ("builds", "keys", "position", "elsewhere", "consumed")
MODES = ("eval", "train")

#: How often a zero gradient is tried again, with other inputs and other weights of the block.
RETRIES = 12
#: How often, where no parameter of a block is even in the graph.
RETRIES_OUTSIDE_GRAPH = 4
#: How far apart the seeds of further tries are, so that no two modes share one.
STEP = 10
#: The sizes of perturbation that are tried, until all stays finite.
SCALES = (1.0, 0.1, 0.0)

_Pending = Dict[str, Tuple[Splice, torch.Tensor]]


class Broken(Exception):
    """A law does not hold. `message` is for the user: which layer, what was seen."""

    def __init__(self, law: str, message: str, mode: Optional[str] = None) -> None:
        super().__init__(message)
        self.law = law
        self.message = message
        self.mode = mode


class _Unstable(Exception):
    """The perturbed model left the finite numbers: perturb it less."""


def prove(
    original: nn.Module,
    edited: nn.Module,
    splices: List[Dict[str, Any]],
    inputs: Inputs,
    seed: int = 0,
    batch: Optional[int] = None,
) -> Dict[str, Any]:
    """Prove the laws of all splices together, or raise `Broken`. Both models are changed by it.

    A splice is a dict of `placement` ("after", "before", "beside", "replace"), `target`, `block`,
    and where they apply `calls`, `element`, `absent` (this configuration lacks the target), `into`
    (the one reader that gets the block's output) and `method` (how the block's output is joined with
    the layer's; see `joins`): `parts` (the paths of gate, reduce, project), `sources` (other layers
    that are read), `fuse`, `axis`, `adapter` (an order of the axes), `gated`, .... `inputs(i)` gives the i-th fresh input as `(args, kwargs)`, the same whenever
    it is asked. `batch` is its batch size (else the length of the first argument), by which
    multiply-accumulates are divided. What the original itself raises is passed on as it is.
    """
    for model in (original, edited):
        args, kwargs = inputs(0)
        compare.warm_up(model, args, kwargs)
    present = [splice for splice in splices if not splice.get("absent")]
    absent = [splice["target"] for splice in splices if splice.get("absent")]
    found = [Splice(index, given, original, edited) for index, given in enumerate(present)]
    for splice in found:
        _require_modules(splice)
    keys = _keys(original, edited, found, absent)

    runs = Runner(original, edited, found, inputs, seed)
    notes = []  # type: List[str]
    for scale in SCALES:
        runs.prepare(scale)
        proof = _Proof(runs)
        try:
            proof.run()
        except _Unstable:
            continue
        notes = proof.notes
        break
    if runs.scale != SCALES[0]:
        notes.append("The weights were perturbed by a factor of %g only." % runs.scale)

    replaced = [s.old for s in found if s.placement == "replace" and s.old is not None]
    new = {id(parameter): parameter for s in found for _, parameter in s.parameters()}
    return {
        "keys": keys,
        "params_added": sum(p.numel() for p in new.values()) - cost.parameters(replaced),
        "macs_added": (proof.macs or 0) // (batch or _batch(*inputs(0))),
        "macs_counted": cost.COUNTED,
        "forwards": runs.forwards,
        "backwards": proof.backwards,
        "notes": notes,
    }


def _require_modules(splice: Splice) -> None:
    if splice.old is None:
        raise Broken("builds", "The original model has no layer %s." % splice.target)
    if splice.block and splice.module is None:
        raise Broken("builds", "The edited model has no module %s." % splice.block)
    for path in splice.parts:
        if find_part(splice.edited, path) is None:
            raise Broken("builds", "The edited model has no %s." % path)
    for path, ours, _ in splice.source_modules:
        if ours is None:
            raise Broken("builds", "The original model has no layer %s." % path)
    if splice.layer is None and splice.placement != "replace":
        raise Broken("builds", "The edited model has lost the layer %s." % splice.target)


def _batch(args: tuple, kwargs: dict) -> int:
    for value in list(args) + list(kwargs.values()):
        tensors = compare.leaves(value)
        if tensors and isinstance(value, (list, tuple)):
            return len(value)
        if tensors and tensors[0].dim():
            return max(1, tensors[0].shape[0])
    return 1


# --- keys ----------------------------------------------------------------------------------------


def _keys(
    original: nn.Module, edited: nn.Module, splices: List[Splice], absent: List[str]
) -> Dict[str, List[str]]:
    before, after = _shapes(original), _shapes(edited)
    blocks, inserted, replaced = [], [], []  # type: List[str], List[str], List[str]
    for splice in splices:
        names = added_names(edited, splice)
        blocks += names
        if splice.placement == "replace":
            replaced += names_of(original, splice.old)
        else:
            inserted += names
    added = [key for key in after if key not in before]
    lost = [key for key in before if key not in after]
    reshaped = [key for key in before if key in after and before[key] != after[key]]

    for key in lost:
        if not under(key, replaced):
            raise Broken("keys", "The key %s of the old state_dict is lost." % key)
    for key in reshaped:
        if not under(key, replaced):
            shapes = (key, before[key], after[key])
            raise Broken("keys", "The key %s had the shape %s and now has %s." % shapes)
    for key in before:
        if under(key, inserted):
            message = "The old key %s now belongs to a block: old weights would load into it."
            raise Broken("keys", message % key)
    for key in added:
        if not under(key, blocks) and absent:
            message = "This configuration lacks %s, yet it now has %s, which nothing trains."
            raise Broken("keys", message % (" and ".join(_few(absent)), key))
        if not under(key, blocks):
            raise Broken("keys", "The new key %s does not belong to a block." % key)
    _require_ties(original, edited, replaced)
    return {"added": added, "lost": lost, "reshaped": reshaped}


def _shapes(model: nn.Module) -> Dict[str, Any]:
    return {
        key: tuple(value.shape) if isinstance(value, torch.Tensor) else None
        for key, value in model.state_dict().items()
    }


def _require_ties(original: nn.Module, edited: nn.Module, replaced: List[str]) -> None:
    tied = {}  # type: Dict[int, List[str]]
    for slot in compare.slots(original):
        if slot.kind == "parameter" and not under(slot.path, replaced):
            tied.setdefault(id(slot.tensor), []).append(slot.path)
    now = {slot.path: id(slot.tensor) for slot in compare.slots(edited)}
    for paths in tied.values():
        if len({now.get(path) for path in paths}) > 1:
            message = "%s were one tensor (tied weights) and no longer are."
            raise Broken("keys", message % " and ".join(paths))


# --- the laws of the runs ------------------------------------------------------------------------


class _Proof:
    """Proves position, elsewhere and consumed, at the perturbation that the runner has."""

    def __init__(self, runs: Runner) -> None:
        self.runs = runs
        self.splices = runs.splices
        self.notes = []  # type: List[str]
        self.backwards = 0
        self.macs = None  # type: Optional[int]
        self.called = set()  # type: Set[int]
        self.wanted = set()  # type: Set[int]
        self.trained = set()  # type: Set[int]
        self.consumed = False
        self.blocks = " and ".join(_few([splice.told for splice in self.splices]))
        self.targets = " and ".join(_few([splice.target for splice in self.splices]))

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def run(self) -> None:
        for index, mode in enumerate(MODES):
            self.prove_mode(mode, index)
        for splice in self.splices:
            if splice.index not in self.called:
                message = "%s is called neither in eval nor in train."
                raise Broken("position", message % splice.target)
            if splice.index not in self.wanted:
                calls = ", ".join(str(call) for call in splice.calls or [])
                raise Broken("position", "%s has no call number %s." % (splice.target, calls))
        if self.splices and not self.consumed:
            raise Broken("consumed", "Nothing in the model reads the output of %s." % self.blocks)
        untrained = [splice for splice in self.splices if splice.index not in self.trained]
        if untrained:
            message = "%s is not called in train: its gradients were taken in eval."
            self.note(message % " and ".join(_few([splice.target for splice in untrained])))
            self.check_gradients("eval", 0, self.runs.edited("eval", 0, None), None, untrained)

    def prove_mode(self, mode: str, index: int) -> None:
        plain, index = self.plain(mode, index)
        self.require_finite(plain.output, "The model")
        output = _Output(plain.output)
        plain.output = None
        if not self.splices:
            self.check_unchanged(mode, index, output)
            return
        for splice in self.splices:
            if plain.layer_calls[splice.index]:
                self.called.add(splice.index)
            if splice.expected(plain.layer_calls[splice.index]):
                self.wanted.add(splice.index)

        reference = self.reference(mode, index)
        if reference is None:
            seen = self.runs.original(mode, index, record=True)
        else:
            self.require_finite(reference.run.output, "The model with its block")
            seen = reference.run
            seen.output = None  # and with it the graph
        count = self.macs is None
        edited = self.attempt(mode, lambda: self.runs.edited(mode, index, seen, count=count))
        self.check_position(mode, index, output, plain, edited, reference is not None)
        for number, path in edited.overwritten.items():
            block = self.splices[number].block
            raise Broken("elsewhere", "%s overwrites %s." % (block, path), mode)
        self.check_elsewhere(mode, index, output, reference, edited)
        if any(splice.method.get("gated") for splice in self.splices):
            self.check_closed(mode, index, output)
        bare = any(splice.module is None for splice in self.splices)  # fused without a block
        if not bare and not any(edited.block_calls.values()):
            return
        if self.macs is None:
            self.macs = edited.macs - plain.macs
        moved = self.moves(mode, index, output, edited)
        self.consumed = self.consumed or moved
        if mode == "train":
            if not moved:
                message = "Nothing in the model reads the output of %s in train."
                raise Broken("consumed", message % self.blocks, mode)
            self.check_gradients(mode, index, edited, reference, self.splices)

    def plain(self, mode: str, index: int) -> Tuple[Run, int]:
        """The original, if possible under a seed that calls every layer: stochastic depth skips."""
        runs = []  # type: List[Tuple[Run, int]]
        for again in range(index, index + STEP * (4 if mode == "train" else 1), STEP):
            run = self.runs.original(mode, again, count=self.macs is None)
            if all(run.layer_calls.values()):
                return run, again
            runs.append((run, again))
        return max(runs, key=lambda pair: sum(map(bool, pair[0].layer_calls.values())))

    def reference(self, mode: str, index: int) -> "Optional[_Reference]":
        run = self.reference_run(mode, index)
        return None if run is None else _Reference(run, self.runs.original_model)

    def reference_run(self, mode: str, index: int, trace: bool = False) -> Optional[Run]:
        """None where something comes between the layer and the block: they cannot be equal."""
        for splice in self.splices:
            assert splice.old is not None
            bare = splice.adapter and not splice.method  # in an order that is not known
            if bare or splice.old._forward_hooks:
                return None
        try:
            return self.runs.reference(mode, index, trace)
        except Exception as error:
            # The edited model may run all the same; if it does not, it tells the reason better.
            message = "The block cannot be put at its layer from outside (%s): judged as identity."
            self.note(message % _short(error))
            return None

    def attempt(self, mode: str, run: Callable[[], Run]) -> Run:
        try:
            return run()
        except Exception as error:
            message = "The edited model does not run in %s: %s." % (mode, _short(error))
            raise Broken("builds", message, mode) from error

    def require_finite(self, output: Any, what: str) -> None:
        if not compare.finite(compare.leaves(output)):
            if self.runs.scale != SCALES[-1]:
                raise _Unstable()
            self.note("%s gives values that are not finite, by itself." % what)

    def require_deterministic(self, mode: str, index: int, output: "_Output") -> None:
        """Asked before something is blamed on the edit."""
        found = output.difference(self.runs.original(mode, index).output)
        if found:
            message = (
                "The model itself is not deterministic, so nothing can be proven about it: "
                "in two runs of the original in %s, from the same random state, %s."
            )
            raise Broken("elsewhere", message % (mode, found), mode)

    # -- position

    def check_position(
        self, mode: str, index: int, output: "_Output", plain: Run, edited: Run, known: bool
    ) -> None:
        for splice in self.splices:
            number = splice.index
            calls, layer_calls = edited.block_calls[number], plain.layer_calls[number]
            wanted = len(splice.expected(layer_calls))
            if calls != wanted and splice.module is not None:
                self.require_deterministic(mode, index, output)
                which = "" if splice.calls is None else ", of which %s is meant" % _times(wanted)
                counted = (_times(calls), mode, splice.target, _times(layer_calls), which)
                message = "%s was called %s in %s, %s %s%s." % (splice.name, *counted)
                raise Broken("position", message, mode)
            # A container that a splice unrolled into a loop is not called any more.
            again = edited.layer_calls[number]
            if splice.edited_host is not None and again not in (0, layer_calls):
                self.require_deterministic(mode, index, output)
                told = (splice.target, _times(again), mode, _times(layer_calls))
                message = "%s is now called %s in %s, before the edit %s." % told
                raise Broken("position", message, mode)
            if not edited.misfed[number]:
                continue
            if splice.placement != "after":
                if not known and len(self.splices) > 1:
                    continue  # another block may have changed what the layer is fed
                traced = self.runs.original(mode, index, trace=True)
                self.require_unharmed(mode, index, traced, upstream=True)
            self.require_deterministic(mode, index, output)
            raise Broken("position", "In %s %s." % (mode, edited.misfed[number][0]), mode)

    def require_unharmed(self, mode: str, index: int, plain: Run, upstream: bool) -> None:
        """With neutral blocks every layer gives what it gave; `upstream`: those before a block.

        Where the edit harmed something further up, a layer is fed wrong values as well.
        """
        neutral = self.neutral(mode, index, trace=True)
        if neutral is None:
            return
        end = neutral.first_block_event if upstream else None
        name = _first_apart(plain, neutral, end)
        if name is not None:
            message = "Without the effect of %s, %s gives something else." % (self.blocks, name)
            raise Broken("elsewhere", message, mode)

    def neutral(self, mode: str, index: int, trace: bool = False) -> Optional[Run]:
        try:
            return self.runs.neutral(mode, index, trace)
        except Exception as error:
            message = "The edited model does not run in %s: %s." % (mode, _short(error))
            raise Broken("builds", message, mode) from error

    # -- elsewhere

    def check_closed(self, mode: str, index: int, output: "_Output") -> None:
        """With closed gates, as they start, every layer gives what it gave, bit for bit.

        A layer further down may hide in its rounding what another input would show.
        """
        run = self.attempt(mode, lambda: self.runs.closed(mode, index, trace=True))
        found = output.difference(run.output)
        if not found:
            name = _first_apart(self.runs.original(mode, index, trace=True), run, None)
            found = name and "%s gives something else" % name
        if found:
            self.require_deterministic(mode, index, output)
            message = "With %s as it starts, its gate closed, %s." % (self.blocks, found)
            raise Broken("elsewhere", message, mode)

    def check_unchanged(self, mode: str, index: int, output: "_Output") -> None:
        """A configuration that lacks the layer behaves as before."""
        edited = self.attempt(mode, lambda: self.runs.edited(mode, index, None))
        found = output.difference(edited.output) or self.runs.state_difference()
        if found:
            self.require_deterministic(mode, index, output)
            message = "Without the layer nothing should change, but %s." % found
            raise Broken("elsewhere", message, mode)

    def check_elsewhere(
        self,
        mode: str,
        index: int,
        output: "_Output",
        reference: "Optional[_Reference]",
        edited: Run,
    ) -> None:
        """The edited model against the reference; the identity, if they differ, tells why."""
        changed = left = None
        if reference is None and not all(splice.serial for splice in self.splices):
            # Without effect a join tells nothing of what it computes where it has one.
            message = "What %s is joined to cannot be computed by hand, so it cannot be proven: %s."
            reason = self.notes[-1] if self.notes else "its layer has hooks of its own"
            raise Broken("elsewhere", message % (self.targets, reason.rstrip(".")), mode)
        if reference is not None:
            changed = reference.output.difference(edited.output)
            left = self.runs.state_difference()
            if not changed and not left:
                return
        self.require_deterministic(mode, index, output)
        slots = compare.slots(self.runs.original_model)
        state = {slot.path: slot.tensor.detach().clone() for slot in slots}
        neutral = self.neutral(mode, index)
        found = None
        if neutral is not None:
            found = output.difference(neutral.output) or self.runs.state_difference(state)
        if found:
            plain = self.runs.original(mode, index, trace=True)
            traced = self.neutral(mode, index, trace=True)
            assert traced is not None
            name = _first_apart(plain, traced, None)
            where = "" if name is None else " (the first layer to differ is %s)" % name
            replacing = any(splice.placement == "replace" for splice in self.splices)
            serial = all(splice.serial for splice in self.splices)
            how = "the block as identity" if serial else "%s without effect" % self.blocks
            how = "the old module put back" if replacing else how
            raise Broken("elsewhere", "With %s, %s%s." % (how, found, where), mode)
        if left and not changed:
            raise Broken("elsewhere", "With %s active, %s." % (self.blocks, left), mode)
        if changed and output.difference(edited.output) is None:
            message = "The output of %s changes nothing: it is not used." % self.blocks
            raise Broken("consumed", message, mode)
        if changed:
            told = (self.targets, self.blocks, changed)
            message = (
                "Not all that reads %s gets the output of %s: against the block put there from "
                "outside, %s." % told
            )
            if not all(splice.serial for splice in self.splices):
                message = (
                    "What follows %s does not get what its output and that of %s are to be joined "
                    "to: against the same computed by hand, %s." % told
                )
            raise Broken("consumed", message, mode)

    # -- consumed

    def moves(self, mode: str, index: int, output: "_Output", edited: Run) -> bool:
        """Whether the output changes; else whether an activation outside the block does."""
        floats = compare.floats(compare.leaves(edited.output))
        if floats and not compare.same(output.floats, floats):
            return True
        tries = RETRIES if mode == "train" else 2
        for again in range(index, index + STEP * tries, STEP):
            plain = self.runs.original(mode, again, trace=True)
            run = self.runs.edited(mode, again, None, trace=True)
            reference = self.reference_run(mode, again, trace=True)
            if reference is not None and not _same_events(reference, run):
                self.require_unharmed(mode, again, plain, upstream=False)
                message = "The output of %s does not reach all that reads %s."
                raise Broken("consumed", message % (self.blocks, self.targets), mode)
            if not _same_events(plain, run):
                what = "do not show it" if floats else "hold no floating-point numbers"
                message = "In %s the outputs %s: judged on the activations of the layers."
                self.note(message % (mode, what))
                return True
            if _Output(plain.output).difference(run.output):
                self.note("In %s only outputs that are no floating-point numbers changed." % mode)
                return True
        return False

    def check_gradients(
        self,
        mode: str,
        index: int,
        edited: Run,
        reference: "Optional[_Reference]",
        splices: List[Splice],
    ) -> None:
        """Every new parameter gets a finite gradient that is not zero, under one seed at least."""
        everything = self.trainable(mode, splices)
        if everything and reference is not None and not reference.differentiable:
            # It is the model that asks for no gradients there, not the edit.
            if reference.reached:
                message = "The model itself runs %s without gradients: %s would never train."
                raise Broken("consumed", message % (self.targets, self.blocks), mode)
            self.trained.update(splice.index for splice in splices)
            self.note("The model itself runs without gradients in %s: they were not judged." % mode)
            return
        pending = dict(everything)
        outside = set(pending)
        run = edited
        for attempt in range(RETRIES):
            if attempt:
                if outside == set(everything) and attempt >= RETRIES_OUTSIDE_GRAPH:
                    break
                self.runs.perturb_blocks(attempt)
                again = index + STEP * attempt
                run = self.attempt(mode, lambda: self.runs.edited(mode, again, None))
            self.trained.update(number for number, calls in run.block_calls.items() if calls)
            losses = _differentiable(run.output)
            if any(run.differentiable.values()) and (not losses or attempt >= RETRIES // 2):
                # Integers have no gradient, and none comes back through a saturated softmax; from
                # the activations it does.
                run = self.runs.edited(mode, index + STEP * attempt, None, trace=True)
                losses = _differentiable(run.output) + run.activations
            if attempt == 0 and reference is not None:
                self.check_graph(mode, run, reference, pending, losses)
            if losses and pending:
                self.strike_out(mode, losses, pending, outside, index + attempt)
            if not pending:
                return
        # What no seed calls in train is looked at in eval.
        pending = {name: item for name, item in pending.items() if item[0].index in self.trained}
        if mode == "train":
            self.try_in_eval(pending, outside)
        if pending:
            names = ", ".join(_few(list(pending)))
            if outside & set(pending):
                raise Broken("consumed", "No gradient reaches %s." % names, mode)
            message = "The gradient of %s is zero or not finite, under %d inputs and weights."
            raise Broken("consumed", message % (names, RETRIES), mode)

    def trainable(self, mode: str, splices: List[Splice]) -> _Pending:
        found = {}  # type: _Pending
        seen = set()  # type: Set[int]
        frozen = []
        for splice in splices:
            own = splice.parameters()
            if own and not any(parameter.requires_grad for _, parameter in own):
                message = "All parameters of %s are frozen (requires_grad=False)."
                raise Broken("consumed", message % splice.told, mode)
            for name, parameter in own:
                if not parameter.requires_grad:
                    frozen.append(name)
                elif id(parameter) not in seen:
                    seen.add(id(parameter))
                    found[name] = (splice, parameter)
        if frozen:
            self.note("Frozen by the block itself: %s." % ", ".join(_few(frozen)))
        return found

    def check_graph(
        self,
        mode: str,
        run: Run,
        reference: "_Reference",
        pending: _Pending,
        losses: compare.Tensors,
    ) -> None:
        """What a gradient reaches with the block put there from outside, it reaches in the edit."""
        for splice in self.splices:
            differentiable = reference.run.differentiable[splice.index]
            if differentiable and not run.differentiable[splice.index]:
                message = (
                    "%s runs without gradients (under torch.no_grad, or on something detached)."
                )
                raise Broken("consumed", message % splice.block, mode)
        found, hidden = compare.reached(losses)
        if hidden or reference.hidden:
            return
        missing = sorted(reference.reached - _paths(self.runs.edited_model, found))
        if not missing:
            return
        new = [name for name, (_, parameter) in pending.items() if id(parameter) not in found]
        if new:
            raise Broken("consumed", "No gradient reaches %s." % ", ".join(_few(new)), mode)
        told = (", ".join(_few(missing)), self.blocks)
        message = "The gradient no longer reaches %s: something at %s is detached." % told
        raise Broken("consumed", message, mode)

    def strike_out(
        self,
        mode: str,
        losses: compare.Tensors,
        pending: _Pending,
        outside: Set[str],
        seed: int,
    ) -> None:
        """Run a backward, and take from `pending` what gets a good gradient."""
        names = list(pending)
        parameters = [pending[name][1] for name in names]
        self.backwards += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                usable = [tensor for tensor in losses if compare.finite([tensor])] or losses
                total = compare.random_sum(usable, self.runs.seed + seed)
                if compare.reached(losses)[1]:
                    # A reentrant checkpoint runs a backward of its own and needs a full one.
                    total.backward()
                    gradients = [parameter.grad for parameter in parameters]
                    for parameter in self.runs.edited_model.parameters():
                        parameter.grad = None
                else:
                    gradients = list(torch.autograd.grad(total, parameters, allow_unused=True))
        except Exception as error:
            message = "The backward pass fails: %s." % _short(error)
            raise Broken("consumed", message, mode) from error
        for name, gradient in zip(names, gradients):
            if gradient is None:
                continue
            outside.discard(name)
            dense = gradient.to_dense() if gradient.layout != torch.strided else gradient
            if bool(torch.isfinite(dense).all()) and bool((dense != 0).any()):
                del pending[name]

    def try_in_eval(self, pending: _Pending, outside: Set[str]) -> None:
        """A norm in train takes the gradient from a bias before it: in eval it shows."""
        inside = {name: item for name, item in pending.items() if name not in outside}
        if not inside:
            return
        run = self.attempt("eval", lambda: self.runs.edited("eval", 0, None))
        losses = _differentiable(run.output)
        tried = list(inside)
        if losses:
            self.strike_out("eval", losses, inside, set(), 0)
        struck = [name for name in tried if name not in inside]
        if struck:
            self.note("Only in eval is the gradient not zero: %s." % ", ".join(_few(struck)))
        for name in struck:
            del pending[name]


class _Reference:
    """The reference run, reduced to what is compared: its graph would fill the memory."""

    def __init__(self, run: Run, model: nn.Module) -> None:
        self.run = run
        self.output = _Output(run.output)
        found, self.hidden = compare.reached(_differentiable(run.output))
        self.reached = _paths(model, found)
        # Inside a reentrant checkpoint nothing is differentiable until the backward.
        self.differentiable = self.hidden or any(run.differentiable.values())


class _Output:
    """An output to compare with later, without its graph and safe from in-place operations."""

    def __init__(self, output: Any) -> None:
        self.flat = compare.frozen(output)
        self.floats = compare.floats(compare.leaves([leaf for _, leaf in self.flat]))

    def difference(self, other: Any) -> Optional[str]:
        return compare.difference(self.flat, compare.frozen(other, copy=False))


def _differentiable(output: Any) -> compare.Tensors:
    return [tensor for tensor in compare.floats(compare.leaves(output)) if tensor.requires_grad]


def _paths(model: nn.Module, identities: Set[int]) -> Set[str]:
    return {slot.path for slot in compare.slots(model) if id(slot.tensor) in identities}


def _same_events(a: Run, b: Run) -> bool:
    """The same activations, layer by layer; a splice may have put calls into another order."""
    return sorted(a.events, key=_name) == sorted(b.events, key=_name)


def _name(event: Tuple[str, Any]) -> str:
    return event[0]


def _first_apart(a: Run, b: Run, end: Optional[int]) -> Optional[str]:
    """The first layer whose activation differs, among those before the event `end`."""
    for ours, theirs in zip(a.events, b.events[:end]):
        if ours != theirs:
            return theirs[0]
    return None


def _few(names: List[str]) -> List[str]:
    return names if len(names) <= 4 else names[:3] + ["%d others" % (len(names) - 3)]


def _times(count: int) -> str:
    return "once" if count == 1 else "%d times" % count


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    text = "%s: %s" % (type(error).__name__, lines[0] if lines else "no message")
    return text[:300].rstrip(".")
