"""The input that a proof runs on: as small as the model allows, for checks hold or fail at any size."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List, Optional, Sequence

from torch import nn

from stitchgen.observer import inputs
from stitchgen.observer.cost import Counter
from stitchgen.observer.inputs import Shapes, Source
from stitchgen.observer.models import Evaluator, find_input, given_source, run, train_batch
from stitchgen.observer.modes import set_mode

#: The side of the images that a model is tried on whose maps stay as large as they are,
TINY = 16
#: where it would multiply so often on images of SIDE,
MUCH, SIDE = 4_000_000_000, 64
#: and the least side of a map of it.
LEAST = 8

SHRINKING = (
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
)


def small_input(
    project: Evaluator, model: nn.Module, given: Sequence[str], *, small: bool = False
) -> Source:
    """The smallest variant of a guessed input on which the model runs in eval and in train.

    What the user gives stays as it is, but with `small`. Raises `Failure`: bad-argument, does-not-run.
    """
    if not given or small:
        # Tried first: the whole one takes longer than all runs of the small one.
        likely = given_source(project, given) if given else inputs.guesses(model)[0]
        for candidate in list(inputs.smaller(likely, given=small))[:-1]:
            if (tiny := tiny_input(model, candidate)) is not None:
                return tiny
            if runs_in_both_modes(model, candidate):
                return candidate
    source = find_input(project, model, given)
    for candidate in list(inputs.smaller(source, given=small))[:-1]:
        if runs_in_both_modes(model, candidate):
            return candidate
    return source


def tiny_input(model: nn.Module, source: Source) -> Optional[Source]:
    """Smaller images still, for a model that computes much on large maps, as those that enlarge or restore images."""
    shapes = source.shapes or []
    images = all(sizes[2:] == [SIDE, SIDE] for sizes, _ in shapes)
    if not shapes or not images or any(map(shrinks, model.modules())):
        return None
    tiny = Shapes([([*sizes[:2], TINY, TINY], dtype) for sizes, dtype in shapes])
    with Counter() as counter, sides_of_maps(model) as sides:
        runs = runs_in_both_modes(model, tiny)
    # Two forwards, on images of so many times fewer pixels.
    often = counter.macs // 2 * (SIDE // TINY) ** 2
    return tiny if runs and often > MUCH and min(sides, default=0) >= LEAST else None


def shrinks(module: nn.Module) -> bool:
    if isinstance(module, nn.modules.conv._ConvNd) and not module.transposed:
        return any(step > 1 for step in module.stride)
    return isinstance(module, SHRINKING)


@contextlib.contextmanager
def sides_of_maps(model: nn.Module) -> Iterator[List[int]]:
    """The least sides of the maps that layers give meanwhile, but for averages of 1 x 1."""
    sides: List[int] = []

    def note(module: nn.Module, args: Any, output: Any) -> None:
        shape = getattr(output, "shape", ())
        if len(shape) == 4 and min(shape[2:]) > 1:
            sides.append(min(shape[2:]))

    handles = [module.register_forward_hook(note) for module in model.modules()]
    try:
        yield sides
    finally:
        for handle in handles:
            handle.remove()


def runs_in_both_modes(model: nn.Module, source: Source) -> bool:
    """Whether a model runs on an input; its statistics stay what they were."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        for training in (False, True):
            set_mode(model, training=training)
            run(model, source, batch=train_batch(source))
        return True
    except Exception:
        # Too small for this model, or it never runs in train: the proof reports that.
        return False
    finally:
        for buffer, value in before:
            buffer.copy_(value)
