"""`stitchgen add`: a block at layers of a model, proven. Floor 5.

resolve the target -> survey the configurations -> decide the places -> find the channel
expression -> plan the edits -> prove them -> hand over the changes, the ledger among them.
"""

from __future__ import annotations

from stitchgen import splicing
from stitchgen.config import Project
from stitchgen.outcome import Outcome
from stitchgen.planning import make_plan
from stitchgen.request import AddRequest


def run(project: Project, request: AddRequest, mode: str = "apply") -> Outcome:
    """Put a block at the targets; with `mode="apply"` the changes are written.

    Raises StitchError where it cannot be done and proven; then nothing is written.
    """
    return splicing.run(project, request, mode, make_plan)
