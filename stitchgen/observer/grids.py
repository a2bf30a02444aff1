"""Sequences that are the positions of a map: its sizes, and the names that the code around a call has for them."""

from __future__ import annotations

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from stitchgen.observer.protocol import GridOfFeature, Layer, Value
from stitchgen.observer.tracing.calls import Call

#: What was seen of one run of the model: the calls of each layer, by its path.
Run = Dict[str, List[Call]]


class Map(NamedTuple):
    """A map that a layer gave, in each run; None where it did not run as often."""

    order: int
    sizes: Tuple[Optional[Tuple[int, int]], ...]


def note_grids(layers: Sequence[Layer], runs: Sequence[Optional[Run]]) -> None:
    """Note of each feature N x L x C of which map it is the positions. `runs` are those with the input as it is,
    with more samples, and with other sizes."""
    seen = [run for run in runs if run is not None]
    maps: Dict[int, List[Map]] = {}  # by how many positions they have
    for layer in layers:
        if layer.get("features") and layer["features"][0]["output"]["layout"] == "NCHW":
            sizes = tuple(sizes_of(shape_in(run, layer["path"], 0)) for run in seen)
            if sizes[0] is not None:
                maps.setdefault(sizes[0][0] * sizes[0][1], []).append(Map(layer["order"], sizes))
    for layer in layers:
        for number, features in enumerate(layer.get("features", ())):
            for side, feature in (("output", features["output"]), ("input", features["input"])):
                if feature["layout"] == "NLC" and layer["same_as"] is None:
                    calls = [called(run, layer["path"], number) for run in seen]
                    grid = grid_of(calls, side, maps, layer["order"])
                    if grid is not None:
                        feature["grid"] = grid


def grid_of(
    calls: Sequence[Optional[Call]], side: str, maps: Mapping[int, Sequence[Map]], order: int
) -> Optional[GridOfFeature]:
    """The one map before that has as many positions in every run, a class token apart; None for several."""
    shapes = [None if call is None else shape_of(call, side) for call in calls]
    if shapes[0] is None or len(shapes[0]) != 3:
        return None
    found = {}
    for prefix in (0, 1):
        positions = shapes[0][1] - prefix
        for one in maps.get(positions, ()) if positions > 1 else ():
            pairs = [(s, m) for s, m in zip(shapes, one.sizes) if s is not None and m is not None]
            if one.order < order and all(s[1:2] == [m[0] * m[1] + prefix] for s, m in pairs):
                found[one.sizes, prefix] = len({s[1] for s, _ in pairs}) > 1
    if len(found) != 1:
        return None
    [((sizes_by_run, prefix), varies)] = found.items()
    assert sizes_by_run[0] is not None
    return {
        "sizes": list(sizes_by_run[0]),
        "prefix": prefix,
        "varies": varies,
        "names": names_for(calls, sizes_by_run),
    }


def names_for(
    calls: Sequence[Optional[Call]], sizes: Sequence[Optional[Tuple[int, int]]]
) -> Optional[List[str]]:
    """The local variables around a call that have the height and the width in every run; where only square maps were
    seen, the two that follow each other, or the one."""
    first = calls[0]
    pairs = [(c.integers, s) for c, s in zip(calls, sizes) if c is not None and s is not None]
    if first is None:
        return None
    fitting = [
        [name for name in first.integers if all(i.get(name) == s[side] for i, s in pairs)]
        for side in (0, 1)
    ]
    heights, widths = fitting
    if not heights or not widths:
        return None
    if heights != widths:
        return [heights[0], widths[0]] if len(heights) == len(widths) == 1 else None
    return heights if len(heights) == 2 else heights * 2 if len(heights) == 1 else None


def called(run: Run, path: str, number: int) -> Optional[Call]:
    calls = run.get(path, [])
    return calls[number] if number < len(calls) else None


def shape_of(call: Call, side: str) -> Optional[List[int]]:
    value: Value = call.output if side == "output" else (call.inputs or [{}])[0]
    return value.get("shape")


def shape_in(run: Run, path: str, number: int) -> Optional[List[int]]:
    call = called(run, path, number)
    return None if call is None else shape_of(call, "output")


def sizes_of(shape: Optional[Sequence[int]]) -> Optional[Tuple[int, int]]:
    return (shape[2], shape[3]) if shape is not None and len(shape) == 4 else None
