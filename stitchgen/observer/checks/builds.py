"""The edited model builds, runs, and has what was added."""

from __future__ import annotations

from stitchgen.observer.checks.check import Check
from stitchgen.observer.checks.evidence import ModeEvidence
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.pair import Pair
from stitchgen.observer.forwards.splice import Splice, find_part


class Builds(Check):
    name = "builds"

    def before_runs(self, pair: Pair) -> None:
        for splice in pair.splices:
            require_modules(splice)

    def in_mode(self, runs: ModeEvidence) -> None:
        runs.run_edited()


def require_modules(splice: Splice) -> None:
    """Each module that the splice names is there."""
    if splice.old is None:
        raise CheckFailed("builds", "The original model has no layer %s." % splice.target)
    if splice.block and splice.module is None:
        raise CheckFailed("builds", "The edited model has no module %s." % splice.block)
    require_class(splice)
    for path in splice.parts:
        if find_part(splice.edited, path) is None:
            raise CheckFailed("builds", "The edited model has no %s." % path)
    for path, ours, _ in splice.source_modules:
        if ours is None:
            raise CheckFailed("builds", "The original model has no layer %s." % path)
    if splice.layer is None and not splice.placement.replaces:
        raise CheckFailed("builds", "The edited model has lost the layer %s." % splice.target)


def require_class(splice: Splice) -> None:
    """The module at the block's path is the block, and not what stands for it where it is not wanted."""
    found = type(splice.module)
    if splice.module is None or not splice.made_of:
        return
    if splice.made_of not in [base.__name__ for base in found.__mro__]:
        raise CheckFailed(
            "builds",
            "%s of the edited model is a %s, no %s."
            % (splice.block, found.__name__, splice.made_of),
        )
