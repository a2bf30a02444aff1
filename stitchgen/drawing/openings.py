"""Which layers are drawn as one node, and which are opened to show what is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stitchgen.analysis.flow import Flow

#: A picture with fewer layers tells nothing, one with more is hard to read.
FEWEST, MOST = 4, 40
#: Blocks are opened up to if the picture then has so many layers at most.
MOST_WITH_BLOCKS = 30


def above(path: str) -> Iterator[str]:
    """The paths of the layers around one, the model's own first."""
    yield ""
    names = path.split(".")
    for length in range(1, len(names)):
        yield ".".join(names[:length])


def visible(flow: Flow, opened: Collection[str]) -> list[int]:
    """The calls that are drawn, in their order: the outermost whose layers are not opened."""
    found: list[int] = []

    def look(index: int) -> None:
        step = flow.steps[index]
        if step.name not in opened or not flow.calls_inside(index):
            found.append(index)
            return
        for inner in flow.calls_inside(index):
            look(inner)

    for index in flow.calls_inside(-1):
        look(index)
    return found


def openings(flow: Flow, marked: Collection[str], target: str | None) -> frozenset[str]:
    """The paths of the layers that are opened: the model, what alone would be all of the picture, and
    what holds the target, or stitchgen's blocks where those are few."""
    opened = frozenset([""])
    if target is not None:
        return opened | {*above(target), target}
    while len(shown := visible(flow, opened)) < FEWEST:
        closed = {flow.steps[index].name for index in shown if flow.calls_inside(index)}
        wider = opened | closed
        if not closed or len(visible(flow, wider)) > MOST:
            break
        opened = wider
    with_blocks = opened.union(*map(above, marked))
    if len(visible(flow, with_blocks)) <= MOST_WITH_BLOCKS:
        return with_blocks
    return opened
