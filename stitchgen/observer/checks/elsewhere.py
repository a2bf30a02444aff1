"""Nothing changes but what the block changes: the outputs and the statistics that are left."""

from __future__ import annotations

from stitchgen.observer.checks.check import Check
from stitchgen.observer.checks.evidence import ModeEvidence, first_apart
from stitchgen.observer.tensors.slots import slots


class Elsewhere(Check):
    name = "elsewhere"

    def in_mode(self, runs: ModeEvidence) -> None:
        if not runs.splices:
            check_unchanged(runs)
            return
        for number, path in runs.edited.overwritten.items():
            block = runs.splices[number].block
            raise runs.fail("elsewhere", "%s overwrites %s." % (block, path))
        check_outputs(runs)
        if any(splice.join.gated for splice in runs.splices):
            check_closed(runs)


def check_unchanged(runs: ModeEvidence) -> None:
    """A configuration that lacks the layer behaves as before."""
    models = runs.evidence.models
    found = runs.output.difference(runs.edited.output) or models.state_difference()
    if found:
        runs.require_deterministic()
        message = "Without the layer nothing should change, but %s."
        raise runs.fail("elsewhere", message % found)


def check_closed(runs: ModeEvidence) -> None:
    """With closed gates, as they start, every layer gives what it gave, bit for bit.

    A layer further down may hide in its rounding what another input would show.
    """
    runner, mode, index = runs.runner, runs.mode, runs.index
    run = runs.evidence.attempt(mode, lambda: runner.closed(mode, index, trace=True))
    found = runs.output.difference(run.output)
    if not found:
        name = first_apart(runner.traced_original(mode, index), run, None)
        found = name and "%s gives something else" % name
    if found:
        runs.require_deterministic()
        message = "With %s as it starts, its gate closed, %s."
        raise runs.fail("elsewhere", message % (runs.evidence.blocks, found))


def check_outputs(runs: ModeEvidence) -> None:
    """The edited model against the reference; the identity, if they differ, shows why.

    Where the difference is that something does not get the block's output, `consumed` fails.
    """
    evidence, models = runs.evidence, runs.evidence.models
    serial = all(splice.serial for splice in runs.splices)
    changed = left = None
    if runs.reference is None and not serial:
        # Without effect a join shows nothing of what it computes where it has one.
        message = "What %s is joined to cannot be computed by hand, so it cannot be proven: %s."
        reason = evidence.notes[-1] if evidence.notes else "its layer has hooks of its own"
        raise runs.fail("elsewhere", message % (evidence.targets, reason.rstrip(".")))
    if runs.reference is not None:
        changed = runs.reference.output.difference(runs.edited.output)
        left = models.state_difference()
        if not changed and not left:
            return
    runs.require_deterministic()
    check_neutral(runs, serial=serial)
    if left and not changed:
        raise runs.fail("elsewhere", "With %s active, %s." % (evidence.blocks, left))
    if not changed:
        return
    if runs.output.difference(runs.edited.output) is None:
        message = "The output of %s changes nothing: it is not used." % evidence.blocks
        raise runs.fail("consumed", message)
    message = (
        "Not all that reads %s gets the output of %s: against the block put there from "
        "outside, %s."
    )
    if not serial:
        message = (
            "What follows %s does not get what its output and that of %s are to be joined "
            "to: against the same computed by hand, %s."
        )
    raise runs.fail("consumed", message % (evidence.targets, evidence.blocks, changed))


def check_neutral(runs: ModeEvidence, *, serial: bool) -> None:
    """With the blocks without effect the model behaves as the original does."""
    models = runs.evidence.models
    state = {slot.path: slot.tensor.detach().clone() for slot in slots(models.original)}
    neutral = runs.neutral()
    if neutral is None:
        return
    found = runs.output.difference(neutral.output) or models.state_difference(state)
    if not found:
        return
    plain = runs.runner.original(runs.mode, runs.index, trace=True)
    traced = runs.neutral(trace=True)
    assert traced is not None
    name = first_apart(plain, traced, None)
    where = "" if name is None else " (the first layer to differ is %s)" % name
    how = "the block as identity" if serial else "%s without effect" % runs.evidence.blocks
    if any(splice.placement.replaces for splice in runs.splices):
        how = "the old module put back"
    raise runs.fail("elsewhere", "With %s, %s%s." % (how, found, where))
