"""A checkpoint of the model before rows were put in, as one of a model that has an Identity for each.

Layers behind a new row have other numbers, so by name most of the old weights no longer fit. The twin computes
what the checkpoint's model does, bit for bit, has every layer at its new number, and holds no class that
the checkpoint does not: whoever loads the checkpoint loads it, and `load` then finds every old tensor.
"""

from __future__ import annotations

import copy
import os
import tempfile
from typing import Any, Dict, List, Sequence, Tuple

import torch
from torch import nn

from stitchgen.observer.failure import Failure, failure_of
from stitchgen.observer.protocol import TwinAnswer, TwinRequest
from stitchgen.observer.rows.builder import Builder
from stitchgen.observer.rows.twins import moved_key
from stitchgen.observer.tensors.randomness import seed_all
from stitchgen.observer.tensors.values import difference, frozen

IDENTITY = "nn.Identity"
#: Where a checkpoint keeps its models; that of the average is used where there is one.
MODELS = ("ema", "model")

Row = List[Any]  # from, repeats, module, args


def make_twin(request: TwinRequest) -> TwinAnswer:
    """Write the twin into the folder for temporary files. Raises `Failure`."""
    with Builder(request.get("builder"), request.get("register")) as builder:
        return twin_by(builder, request)


def twin_by(builder: Builder, request: TwinRequest) -> TwinAnswer:
    checkpoint = loaded(request["checkpoint"])
    models = [key for key in MODELS if isinstance(checkpoint.get(key), nn.Module)]
    if not models or not hasattr(checkpoint[models[0]], "yaml"):
        message = "%s holds no model that was built from a YAML"
        raise Failure("not-a-model", message % os.path.basename(request["checkpoint"]))
    twins: Dict[str, Any] = {}
    moved: List[int] = []
    for key in models:
        old = checkpoint[key]
        settings = builder.settings(request["yaml"], str(old.yaml.get("scale") or ""))
        moved = alignment(rows_of(old.yaml), rows_of(settings))
        twins[key] = twin_of(old, settings, moved)
        check_same(old, twins[key])
    old = checkpoint[models[0]]
    wanted = request["yaml"], str(old.yaml.get("scale") or ""), old.yaml.get("nc")
    total, arriving, plain = transferred(builder, wanted, old, moved)
    handle, path = tempfile.mkstemp(suffix=".pt")
    os.close(handle)
    torch.save({**checkpoint, **twins}, path)
    return {
        "path": path,
        "tensors": total,
        "arriving": arriving,
        "plain": plain,
        "scale": wanted[1],
        "rows": [number for number in range(len(rows_of(settings))) if number not in moved],
    }


def loaded(path: str) -> Dict[str, Any]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise failure_of("does-not-build", error, "reading %s" % path) from error
    return found if isinstance(found, dict) else {}


def rows_of(settings: Dict[str, Any]) -> List[Row]:
    return [list(row) for row in settings["backbone"] + settings["head"]]


def reads(row: Row, index: int) -> Tuple[int, ...]:
    sources = row[0] if isinstance(row[0], (list, tuple)) else [row[0]]
    return tuple(index + one if one < 0 else one for one in sources)


def alignment(old: Sequence[Row], new: Sequence[Row]) -> List[int]:
    """The new number of each old row, the others being rows of one source that were put in.

    A new one passes on what it reads, of several the first. Refuses where taking those out of the new model
    does not give the old one.
    """
    if is_replaced(old, new):
        return list(range(len(old)))
    moved: List[int] = []
    at = 0
    for number, row in enumerate(old):
        while at < len(new) and not is_same(row, new[at]):
            at += 1
        if at == len(new):
            message = "the checkpoint's row %d, a %s, is not in the YAML, or not in that order"
            raise Failure("bad-argument", message % (number, row[2]))
        moved.append(at)
        at += 1
    stands_for: Dict[int, int] = {
        -1: -1
    }  # the row that each passes on, once Identities stand there
    for number, row in enumerate(new):
        sources = reads(row, number)
        stands_for[number] = number if number in moved else stands_for[sources[0]]
    for number, row in enumerate(old):
        expected = [moved[one] if one >= 0 else -1 for one in reads(row, number)]
        found = [stands_for[one] for one in reads(new[moved[number]], moved[number])]
        if expected != found:
            message = "row %d of the YAML, a %s, reads other layers than in the checkpoint"
            raise Failure("bad-argument", message % (moved[number], row[2]))
    return moved


def is_replaced(old: Sequence[Row], new: Sequence[Row]) -> bool:
    """Whether the rows are the same but for some that have another module."""
    return len(old) == len(new) and all(
        reads(one, number) == reads(other, number) and (is_same(one, other) or one[2] != other[2])
        for number, (one, other) in enumerate(zip(old, new))
    )


def is_same(old: Row, new: Row) -> bool:
    return old[1:3] == new[1:3] and repr(old[3]) == repr(new[3])


def twin_of(old: Any, settings: Dict[str, Any], moved: Sequence[int]) -> Any:
    """The model with an Identity for each new row, every layer at its new number."""
    twin = copy.deepcopy(old)
    layers = list(twin.model)
    rows = rows_of(settings)
    placed: List[Any] = []
    written: List[Row] = []
    save: List[int] = []
    for number, row in enumerate(rows):
        layer: Any = layers[moved.index(number)] if number in moved else nn.Identity()
        if number not in moved:
            layer.np, layer.type = 0, "torch.nn.modules.linear.Identity"
            layer.training = twin.training
        reading = row[0]
        if number not in moved and isinstance(reading, (list, tuple)):
            reading = reading[0]
        layer.i, layer.f = number, reading
        placed.append(layer)
        written.append(
            [*row[:2], row[2], row[3]] if number in moved else [reading, 1, IDENTITY, []]
        )
        sources = reading if isinstance(reading, (list, tuple)) else [reading]
        save += [one % number for one in sources if one != -1]
    twin.model = nn.Sequential(*placed)
    twin.model.training = old.model.training
    twin.save = sorted(save)
    count = len(settings["backbone"])
    twin.yaml = {**old.yaml, "backbone": written[:count], "head": written[count:]}
    return twin


def check_same(old: Any, twin: Any) -> None:
    """The twin computes what the checkpoint's model does."""
    results = []
    for model in (old, twin):
        running = copy.deepcopy(model).float().eval()
        stride = getattr(running, "stride", None)
        side = 2 * int(torch.as_tensor(stride).max()) if stride is not None else 64
        channels = int(running.yaml.get("ch") or running.yaml.get("channels") or 3)
        seed_all(0)
        with torch.no_grad():
            try:
                results.append(frozen(running(torch.rand(1, channels, side, side))))
            except Exception as error:
                raise failure_of("does-not-run", error, "the checkpoint's model") from error
    differs = difference(results[0], results[1])
    if differs is not None:
        raise Failure(
            "internal", "the twin of the checkpoint computes something else: %s" % differs
        )


def transferred(
    builder: Builder, wanted: Tuple[str, str, Any], old: Any, moved: Sequence[int]
) -> Tuple[int, int, int]:
    """How many tensors the old model has, how many arrive from the twin, how many without it."""
    text, scale, classes = wanted
    settings = builder.settings(text, scale)
    if classes:
        settings["nc"] = classes
    shapes = {
        "model.%d.%s" % (number, name): tensor.shape
        for number, layer in enumerate(builder.layers(settings))
        for name, tensor in layer.state_dict().items()
    }
    state = old.state_dict()
    arriving = sum(shapes.get(moved_key(key, moved)) == one.shape for key, one in state.items())
    return len(state), arriving, sum(shapes.get(key) == one.shape for key, one in state.items())
