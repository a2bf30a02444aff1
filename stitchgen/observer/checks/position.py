"""The block is called as often as its layer, and is fed what it should be; so is the layer."""

from __future__ import annotations

from typing import Set

from stitchgen.observer.checks.check import Check
from stitchgen.observer.checks.evidence import Evidence, ModeEvidence
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.wording import times
from stitchgen.observer.forwards.splice import Splice


class Position(Check):
    name = "position"

    def __init__(self) -> None:
        #: Splices whose layer was called, and those one of whose calls is meant.
        self.called: Set[int] = set()
        self.wanted: Set[int] = set()

    def in_mode(self, runs: ModeEvidence) -> None:
        for splice in runs.splices:
            layer_calls = runs.plain.layer_calls[splice.index]
            if layer_calls:
                self.called.add(splice.index)
            if splice.expected(layer_calls):
                self.wanted.add(splice.index)
            check_calls(runs, splice)
            check_fed(runs, splice)

    def after_runs(self, evidence: Evidence) -> None:
        for splice in evidence.splices:
            if splice.index not in self.called:
                message = "%s is called neither in eval nor in train."
                raise CheckFailed("position", message % splice.target)
            if splice.index not in self.wanted:
                calls = ", ".join(str(call) for call in splice.calls or [])
                raise CheckFailed("position", "%s has no call number %s." % (splice.target, calls))


def check_calls(runs: ModeEvidence, splice: Splice) -> None:
    """The block is called for each call of the layer that is meant, the layer as often as before."""
    number, mode = splice.index, runs.mode
    calls, layer_calls = runs.edited.block_calls[number], runs.plain.layer_calls[number]
    wanted = len(splice.expected(layer_calls))
    if calls != wanted and splice.module is not None:
        runs.require_deterministic()
        which = "" if splice.calls is None else ", of which %s is meant" % times(wanted)
        counted = (times(calls), mode, splice.target, times(layer_calls), which)
        message = "%s was called %s in %s, %s %s%s."
        raise runs.fail("position", message % (splice.name, *counted))
    # A container that a splice unrolled into a loop is not called any more.
    again = runs.edited.layer_calls[number]
    if splice.edited_host is not None and again not in (0, layer_calls):
        runs.require_deterministic()
        message = "%s is now called %s in %s, before the edit %s."
        seen = (splice.target, times(again), mode, times(layer_calls))
        raise runs.fail("position", message % seen)


def check_fed(runs: ModeEvidence, splice: Splice) -> None:
    """The block and the layer are fed what they should be."""
    misfed = runs.edited.misfed[splice.index]
    if not misfed:
        return
    if not splice.placement.fed_output:
        if runs.reference is None and len(runs.splices) > 1:
            return  # another block may have changed what the layer is fed
        traced = runs.runner.original(runs.mode, runs.index, trace=True)
        runs.require_unharmed(traced, upstream=True)
    runs.require_deterministic()
    raise runs.fail("position", "In %s %s." % (runs.mode, misfed[0]))
