"""What one forward showed."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from stitchgen.observer.cost import Counter
from stitchgen.observer.forwards.splice import Splice
from stitchgen.observer.tensors.values import Tensors


class Run:
    """What one forward showed. Lists and counts are by the index of the splice."""

    def __init__(self, splices: Sequence[Splice]) -> None:
        #: Whether the forward is running: a checkpoint runs its part again during backward, and only
        #: a forward's own calls count.
        self.live = False
        self.output: Any = None
        self.layer_calls = {s.index: 0 for s in splices}
        self.block_calls = {s.index: 0 for s in splices}
        #: What the layer returned (after), or was fed (before, replace), for every call.
        self.seen: Dict[int, List[Tensors]] = {s.index: [] for s in splices}
        self.block_returned: Dict[int, List[Tensors]] = {s.index: [] for s in splices}
        #: In words, how a layer or block was fed something else than it should be.
        self.misfed: Dict[int, List[str]] = {s.index: [] for s in splices}
        #: The axes of what the block was fed first that are like one of channels; () where nothing tells.
        self.channel_axes: Dict[int, Tuple[int, ...]] = {}
        #: Whether what the block returned has a gradient.
        self.differentiable = {s.index: False for s in splices}
        #: The path of an old tensor that a block wrote to.
        self.overwritten: Dict[int, str] = {}
        #: Multiply-accumulates of what is counted.
        self.macs = 0
        #: What counts just now, the outermost first.
        self.counters: List[Counter] = []
        #: The activations of leaf modules in order, where they were traced: name and checksum.
        self.events: List[Tuple[str, Tuple[Any, ...]]] = []
        self.first_block_event: Optional[int] = None
        #: Those behind the first block that have a gradient.
        self.activations: Tensors = []
        #: Copies of the last output of the layers that splices read beside their own, by path.
        self.kept: Dict[str, Any] = {}
        #: The very tensor that a layer returned whose reader gets the block, by path.
        self.returned: Dict[str, Any] = {}

    def note_block(self) -> None:
        """A block begins to run."""
        if self.first_block_event is None:
            self.first_block_event = len(self.events)
