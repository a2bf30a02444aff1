"""What a check of the proof is."""

from __future__ import annotations

from typing import ClassVar

from stitchgen.observer.checks.evidence import Evidence, ModeEvidence
from stitchgen.observer.checks.pair import Pair


class Check:
    """One thing that an edit must not break; a file each, and an entry in `proof.CHECKS`.

    A check is made anew for every perturbation of the weights. Its methods are called in this order,
    each for all checks before the next, and raise `CheckFailed` where it does not hold.
    """

    name: ClassVar[str]

    def before_runs(self, pair: Pair) -> None:
        """What the two models show before they are run; once, before any perturbation."""

    def in_mode(self, runs: ModeEvidence) -> None:
        """What the runs of one mode show: first eval, then train."""

    def after_runs(self, evidence: Evidence) -> None:
        """What both modes show together."""
