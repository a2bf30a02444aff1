"""A block is fed the channels along the axis that it takes for them."""

from __future__ import annotations

from typing import Dict, List

from stitchgen.observer.checks.check import Check
from stitchgen.observer.checks.evidence import ModeEvidence
from stitchgen.observer.checks.wording import few
from stitchgen.observer.forwards.splice import Splice


class Axis(Check):
    """Shown by experiment, and not by a size: which axis of what the block is fed depends, index by index,
    on few of the channels of the layers before it."""

    name = "axis"

    def in_mode(self, runs: ModeEvidence) -> None:
        untold: Dict[int, List[str]] = {}
        for splice in runs.splices:
            if runs.mode != "eval" or splice.module is None or len(splice.layout) < 3:
                continue  # the axes do not matter, or there is but one for the channels
            found = runs.edited.channel_axes.get(
                splice.index, ()
            )  # () where it does not run in eval
            if not found:
                untold.setdefault(axis_of(splice), []).append(splice.block)
            elif axis_of(splice) not in found:
                message = "%s takes axis %d for the channels, and is fed them along axis %s."
                shown = " and ".join(map(str, found))
                raise runs.fail("axis", message % (splice.name, axis_of(splice), shown))
        for axis, blocks in untold.items():
            runs.evidence.unshown.add(self.name)
            runs.evidence.note(
                "Nothing before %s tells which axis of what is fed to it holds the channels; the shapes "
                "say axis %d." % (" and ".join(few(blocks)), axis)
            )


def axis_of(splice: Splice) -> int:
    return splice.layout.index("C")
