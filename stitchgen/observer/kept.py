"""The original of a proof, kept for the proofs of other edits of it.

Whoever asks about many edits of files that stay as they are says so in the request: then the model is imported,
built, and run as it was once.
"""

from __future__ import annotations

import json
from typing import Dict, NamedTuple, Optional

from stitchgen.observer import memory
from stitchgen.observer.forwards.models import Original
from stitchgen.observer.inputs import Source
from stitchgen.observer.project import Project
from stitchgen.observer.protocol import ProofOfBuild, ProveRequest

#: How many are kept, each with so many copies of its weights.
MOST, COPIES = 2, 3
#: What the copies of one may take of the memory that is free.
SHARE = 0.1
#: What differs between requests about the same original.
OF_THE_EDIT = {"builds", "overlay", "functions", "inside", "methods"}


class Before(NamedTuple):
    """A model as it was, with the inputs that it takes in eval and in train, and the threads that it runs on."""

    project: Project
    original: Original
    source: Source
    trained: Source
    threads: int


#: By what is asked, the latest last.
_KEPT: Dict[str, Before] = {}


def take(request: ProveRequest, entry: ProofOfBuild) -> Optional[Before]:
    """The one that was kept, which then is no longer: a proof that fails may leave it as it should not be."""
    return _KEPT.pop(key_of(request, entry), None) if request.get("keep") else None


def keep(request: ProveRequest, entry: ProofOfBuild, before: Before) -> None:
    """For the next proof, where the project's own methods and functions have not been called on it."""
    free = memory.available()
    needed = memory.size_of(before.original.model) * COPIES
    if not request.get("keep") or (free is not None and needed > free * SHARE):
        return
    _KEPT[key_of(request, entry)] = before
    for oldest in list(_KEPT)[:-MOST]:
        del _KEPT[oldest]


def key_of(request: ProveRequest, entry: ProofOfBuild) -> str:
    about = {name: value for name, value in request.items() if name not in OF_THE_EDIT}
    return json.dumps([about, entry["expression"], entry["extent"]], sort_keys=True)
