"""Prove an edit by running: the original model against the edited one, check by check."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

from torch import nn

from stitchgen.observer import cost, protocol
from stitchgen.observer.checks.axis import Axis
from stitchgen.observer.checks.builds import Builds
from stitchgen.observer.checks.check import Check
from stitchgen.observer.checks.consumed import Consumed
from stitchgen.observer.checks.elsewhere import Elsewhere
from stitchgen.observer.checks.evidence import SCALES, Evidence, ModeEvidence
from stitchgen.observer.checks.failed import CheckFailed, Unstable
from stitchgen.observer.checks.keys import Keys
from stitchgen.observer.checks.pair import Pair
from stitchgen.observer.checks.position import Position
from stitchgen.observer.forwards.models import Models, Original
from stitchgen.observer.forwards.runner import Inputs, Runner
from stitchgen.observer.forwards.splice import Splice
from stitchgen.observer.tensors.state import warm_up
from stitchgen.observer.tensors.values import leaves

#: The checks of the proof, in their order: the first that fails is reported.
CHECKS: Tuple[Type[Check], ...] = (Builds, Keys, Position, Axis, Elsewhere, Consumed)
MODES = ("eval", "train")


def prove(
    original: nn.Module,
    edited: nn.Module,
    splices: Sequence[protocol.Splice],
    inputs: Inputs,
    seed: int = 0,
    batch: Optional[int] = None,
    inputs_train: Optional[Inputs] = None,
    *,
    modes: Sequence[str] = MODES,
    warm: bool = False,
    known: Optional[Original] = None,
) -> protocol.Proof:
    """Run all checks on all splices together. Both models are changed by it.

    `inputs(i)` gives the i-th fresh input as `(args, kwargs)`, the same whenever it is asked. `batch`
    is its batch size (else the length of the first argument), by which multiply-accumulates are
    divided; without train in `modes` no gradients are asked for; `warm` says that the original has run before;
    `known` is it with what former proofs showed of it on these inputs. Raises `CheckFailed`; what the original itself raises is passed on as it is.
    """
    for model in (edited,) if warm else (original, edited):
        args, kwargs = inputs(0)
        warm_up(model, args, kwargs)
    pair = pair_of(original, edited, splices)
    found, keys = pair.splices, pair.keys

    models = Models(known or Original(original), edited, found, seed)
    runner = Runner(models, found, inputs, inputs_train)
    evidence, macs = with_weights_shared(models, runner, modes) if known else (None, 0)
    if evidence is None:
        evidence, macs = checked(models, runner, modes, share=False)
    notes = evidence.notes
    if models.scale != SCALES[0]:
        notes.append("The weights were perturbed by a factor of %g only." % models.scale)

    replaced = [s.old for s in found if s.placement.replaces and s.old is not None]
    new = {id(parameter): parameter for s in found for _, parameter in s.parameters()}
    return {
        "keys": keys,
        "params_added": sum(p.numel() for p in new.values()) - cost.parameters(replaced),
        "macs_added": macs // (batch or batch_size(*inputs(0))),
        "macs_counted": cost.COUNTED,
        "forwards": runner.forwards,
        "backwards": evidence.backwards,
        "notes": notes,
        "unshown": sorted(evidence.unshown),
    }


def with_weights_shared(
    models: Models, runner: Runner, modes: Sequence[str]
) -> Tuple[Optional[Evidence], int]:
    """The checks on two models that have the same weights in one memory; None where a forward writes to them.

    Raises `CheckFailed`.
    """
    if not models.known.shares:
        return None, 0
    failed: Optional[CheckFailed] = None
    evidence: Optional[Evidence] = None
    macs = 0
    try:
        evidence, macs = checked(models, runner, modes, share=True)
    except CheckFailed as error:
        failed = error
    if not models.left_weights():
        models.known.forget()
        return None, 0
    if failed is not None:
        raise failed
    return evidence, macs


def checked(
    models: Models, runner: Runner, modes: Sequence[str], *, share: bool
) -> Tuple[Evidence, int]:
    """What the checks went by, and the multiply-accumulates that were added, at the first perturbation that is finite."""
    for scale in SCALES:
        models.prepare(scale, share=share)
        evidence = Evidence(runner)
        try:
            return evidence, run_checks(evidence, modes)
        except Unstable:
            continue
    raise AssertionError("without a perturbation nothing is called unstable")


def unmeasured(keys: protocol.Keys, forwards: int) -> protocol.Proof:
    """What is known of a configuration that was built and run, and no more."""
    return {
        "keys": keys,
        "params_added": 0,
        "macs_added": 0,
        "macs_counted": "",
        "forwards": forwards,
        "backwards": 0,
        "notes": [],
        "unshown": [],
    }


def answer(
    run_on: str,
    proven: protocol.Proof,
    left_out: Sequence[protocol.LeftOut] = (),
    uncalled: Sequence[str] = (),
    called: Sequence[str] = (),
    on_one: Optional[protocol.Error] = None,
) -> protocol.ProvenBuild:
    """The answer about a configuration whose checks hold; `run_on` describes its input."""
    return {
        "ok": True,
        "input": run_on,
        "keys": proven["keys"],
        "params_added": proven["params_added"],
        "macs_added": proven["macs_added"],
        "macs_counted": proven["macs_counted"],
        "forwards": proven["forwards"],
        "backwards": proven["backwards"],
        "notes": proven["notes"],
        "unshown": proven["unshown"],
        "left_out": list(left_out),
        "uncalled": list(uncalled),
        "called": list(called),
        "on_one": on_one,
    }


def pair_of(original: nn.Module, edited: nn.Module, splices: Sequence[protocol.Splice]) -> Pair:
    """The two models with the splices found in them; raises `CheckFailed` for what they show before a run."""
    absent = [splice["target"] for splice in splices if splice.get("absent")]
    pair = Pair(original, edited, splices_of(original, edited, splices), absent)
    for check in CHECKS:
        check().before_runs(pair)
    return pair


def splices_of(
    original: nn.Module, edited: nn.Module, splices: Sequence[protocol.Splice]
) -> List[Splice]:
    """The splices that the configuration has, found in the two models."""
    present = [splice for splice in splices if not splice.get("absent")]
    return [Splice(index, given, original, edited) for index, given in enumerate(present)]


def run_checks(evidence: Evidence, modes: Sequence[str]) -> int:
    """Run the checks on the runs at one perturbation; the multiply-accumulates that were added.

    Raises `CheckFailed`, and `Unstable` where the perturbation is too large for the model.
    """
    checks = [check() for check in CHECKS]
    macs: Optional[int] = None
    for index, mode in enumerate(modes):
        added = check_mode(checks, evidence, mode, index, count=macs is None)
        macs = added if macs is None else macs
    for check in checks if len(modes) == len(MODES) else ():
        check.after_runs(evidence)
    return macs or 0


def check_mode(
    checks: Sequence[Check], evidence: Evidence, mode: str, index: int, *, count: bool
) -> Optional[int]:
    """Run the checks in one mode; the multiply-accumulates added, None where they were not counted.

    The runs, with their graphs, are gone when it ends.
    """
    runs = ModeEvidence(evidence, mode, index, count=count)
    for check in checks:
        check.in_mode(runs)
    if not count or not evidence.splices or not runs.ran_blocks:
        return None
    return runs.edited.macs - runs.plain.macs


def batch_size(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> int:
    """The length of the first argument that holds a tensor."""
    for value in [*args, *kwargs.values()]:
        tensors = leaves(value)
        if tensors and isinstance(value, (list, tuple)):
            return len(value)
        if tensors and tensors[0].dim():
            return max(1, tensors[0].shape[0])
    return 1
