"""Which axis of a feature is which, known from how its shape follows the input's.

Layouts are written as PyTorch users write them: NCHW, NHWC, NCL, NLC, LNC, NC, NCDHW, NDHWC.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Set

from torch import nn

FIRST = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._BatchNorm,
    nn.GroupNorm,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
    nn.Upsample,
    nn.PixelShuffle,
    nn.modules.instancenorm._InstanceNorm,
)
LAST = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.MultiheadAttention, nn.RNNBase)

CHANNELS_FIRST = {2: "NC", 3: "NCL", 4: "NCHW", 5: "NCDHW"}
CHANNELS_LAST = {2: "NC", 3: "NLC", 4: "NHWC", 5: "NDHWC"}


def hint_of(module: nn.Module) -> Optional[str]:
    """`first` or `last` where the module's type fixes its channel axis, else None."""
    if isinstance(module, FIRST):
        return "first"
    if isinstance(module, LAST):
        # `LayerNorm2d` inherits LayerNorm, and permutes what it is fed.
        own = any("forward" in vars(kind) for kind in own_classes(type(module)))
        return None if own else "last"
    return None


def length_first(module: nn.Module) -> Optional[bool]:
    """Whether one of torch's modules of sequences takes and gives L x N x C; None for any other."""
    if isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
        module = module.self_attn
    if isinstance(module, (nn.RNNBase, nn.MultiheadAttention, nn.Transformer)):
        return not module.batch_first
    return None


def own_classes(kind: type) -> List[type]:
    """The classes in which a class differs from torch's own that it inherits."""
    return [one for one in kind.__mro__ if not one.__module__.startswith("torch.nn.")][:-1]


def named(axis: int, rank: int) -> Optional[str]:
    """The hint that an axis of channels is; None for one in between, which no layout has."""
    if axis == 1:
        return "first"
    return "last" if axis == rank - 1 else None


def batch_axis(shapes: Sequence[Optional[Sequence[int]]]) -> int:
    """The axis that follows the batch; the first where that is not known."""
    first, second = (*shapes, None, None)[:2]
    if first is not None and second is not None and len(first) == len(second):
        differing = [axis for axis, size in enumerate(first) if second[axis] != size]
        if len(differing) == 1:
            return differing[0]
    return 0


def layout_of(shapes: Sequence[Optional[Sequence[int]]], hint: Optional[str]) -> Optional[str]:
    """The layout of a feature, or None where its axes cannot be determined.

    `shapes` are the shapes under the input as given, with a larger batch, and (where the model
    takes it) with larger sizes; `hint` is what the types of the modules around say.
    """
    known = [shape for shape in shapes if shape is not None]
    base = known[0] if known else ()
    rank = len(base)
    same_rank = len(known) == len(shapes) and all(len(shape) == rank for shape in known)
    if rank not in CHANNELS_FIRST or not same_rank:
        return None
    batch: Set[int] = set()
    space: Set[int] = set()
    if len(known) > 1:
        batch = {axis for axis in range(rank) if known[1][axis] != base[axis]}
    if len(known) > 2:
        space = {axis for axis in range(rank) if known[2][axis] != base[axis]} - batch
    if rank == 3 and batch == {1} and (hint == "last" or space == {0}):
        return "LNC"
    if len(shapes) > 1 and batch != {0}:
        return None
    if rank == 2:
        return "NC" if 1 not in space else None
    constant = set(range(1, rank)) - space
    if len(constant) == 1:
        axis = constant.pop()
        if axis == 1:
            return CHANNELS_FIRST[rank]
        return CHANNELS_LAST[rank] if axis == rank - 1 else None
    if constant and not space:
        if hint is None and rank > 3 and all(size == 1 for size in base[2:]):
            return CHANNELS_FIRST[rank]
        by_hint: Dict[Optional[str], Dict[int, str]]
        by_hint = {"first": CHANNELS_FIRST, "last": CHANNELS_LAST}
        return by_hint.get(hint, {}).get(rank)
    # Some axes follow the size, others do not: the hint decides if it names a constant one.
    if hint == "first" and 1 in constant:
        return CHANNELS_FIRST[rank]
    if hint == "last" and rank - 1 in constant:
        return CHANNELS_LAST[rank]
    return None
