"""What a splice makes of a layer's output, computed from outside with the edited model's own blocks."""

from __future__ import annotations

from typing import Any, List

import torch

from stitchgen.observer.forwards import joins
from stitchgen.observer.forwards.run import Run
from stitchgen.observer.forwards.splice import Splice
from stitchgen.observer.tensors.values import Tensors, grab


def result(splice: Splice, run: Run, value: Any, fed: Any = None) -> Any:
    """What replaces the layer's output; `fed` is what the block is fed, where that is not `value`."""
    join = splice.join
    if not splice.is_joined:
        assert splice.module is not None
        return splice.module(value)
    if join.pyramid:
        return pyramid(splice, run, value)
    kept = sources(splice, run)
    others: List[torch.Tensor] = []
    if join.features:
        for path, feature in zip(splice.sources, kept):
            if path in join.projections:
                feature = splice.projection(path)(feature)
            others.append(joins.resized(feature, value, join.resize.get(path), join.axis))
    else:
        assert splice.module is not None
        first = value if fed is None else fed
        further = [
            joins.adapted(feature, join.adapters.get(path))
            for path, feature in zip(splice.sources, kept)
        ]
        branch = splice.module(joins.adapted(first, join.adapter), *further)
        branch = joins.back(branch, join.adapter, first)
        if splice.project is not None:
            branch = splice.project(joins.strided(branch, join.step))
        others.append(branch)
    return joins.joined(join, value, others, splice.reduce, splice.gate)


def pyramid(splice: Splice, run: Run, value: Any) -> Any:
    """Every later reader of the features sees the block's outputs, projected back.

    No hook reaches readers that are operations, so the features are written to in place: what
    read them before has done so.
    """
    last = splice.join.pyramid
    assert splice.module is not None and last is not None
    paths = [*splice.sources, last]
    features = [*sources(splice, run), value]
    outputs = splice.module(*features)
    gate = splice.gate
    results: List[torch.Tensor] = []
    for path, feature, output in zip(paths, features, outputs):
        new = splice.projection(path)(output)
        results.append(new if gate is None else feature + gate * (new - feature))
    for path, new in zip(splice.sources, results):
        run.returned[path].copy_(new)
    return results[-1]


def sources(splice: Splice, run: Run) -> List[Any]:
    """What the further layers that a splice reads have returned last."""
    return [run.kept[path] for path in splice.sources if path in run.kept]


def taken(splice: Splice, run: Run, value: Any) -> Tensors:
    """What the block is to be fed: the layer's value and those of the further sources."""
    further = sources(splice, run)
    return grab([*further, value] if splice.join.pyramid else [value, *further])
