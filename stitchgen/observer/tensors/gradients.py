"""What a backward pass reaches, and what to run it from."""

from __future__ import annotations

from typing import Set, Tuple

import torch

from stitchgen.observer.tensors.values import Tensors


def reached(tensors: Tensors) -> Tuple[Set[int], bool]:
    """The ids of the leaves that a backward from here gets to, and whether some are hidden.

    Reentrant checkpoints keep what is inside them out of the graph.
    """
    found = {id(tensor) for tensor in tensors if tensor.requires_grad and tensor.grad_fn is None}
    stack = [tensor.grad_fn for tensor in tensors if tensor.grad_fn is not None]
    seen = set(stack)
    hidden = False
    while stack:
        node = stack.pop()
        leaf = getattr(node, "variable", None)
        if leaf is not None:
            found.add(id(leaf))
        hidden = hidden or "CheckpointFunction" in type(node).__name__
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                stack.append(following)
    return found, hidden


def random_sum(tensors: Tensors, seed: int) -> torch.Tensor:
    """A scalar to run backward from; with equal weights, softmax and norms would give zero."""
    generator = torch.Generator().manual_seed(seed)
    total = None
    for tensor in tensors:
        tensor = torch.view_as_real(tensor) if tensor.is_complex() else tensor
        weights = torch.randn(tensor.shape, generator=generator).to(tensor.device, tensor.dtype)
        term = (tensor * weights).sum()
        total = term if total is None else total + term.to(total.dtype)
    assert total is not None
    return total
