"""Where a new module may sit, by what it is fed in the edited model: the likeliest first.

    after T      it is fed what T gave
    before R     the next layer of the same forward, which is fed what it gave
    beside T     it is fed what T is fed
    replace T    a module of that path is gone

and its output goes on as it is, is added to what it was fed, or is multiplied with that. More than one may
hold, and the proof decides.
"""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from torch import nn

from stitchgen.observer import protocol
from stitchgen.observer.edits.structure import Structure
from stitchgen.observer.edits.trace import Called, Key, Trace

#: How the outputs are joined: None, as they are.
SERIAL = (None, "add", "mul")
BRANCHES = ("add", "mul")
#: The orders in which a map or tokens are fed to a module of another layout.
ORDERS: Tuple[protocol.Adapter, ...] = (
    [0, 2, 1],
    "tokens",
    [0, 2, 3, 1],
    [0, 3, 1, 2],
    "positions",
)
#: So many combinations are tried where several kinds of modules are new.
MOST_COMBINATIONS = 48


class Hypothesis(NamedTuple):
    """One place for one new module."""

    placement: str
    target: str
    fuse: Optional[str]
    gate: Optional[str] = None  # path of the parameter that scales what is added
    adapter: protocol.Adapter = (
        None  # how the axes of what it is fed are brought into another order
    )
    adapted: bool = False  # they are, in an order that is not known

    @property
    def kind(self) -> Tuple[object, ...]:
        """What modules of one kind, in blocks of one class, have in common; the target's name is the last."""
        name = re.sub(r"\d+", "", self.target.rpartition(".")[2])
        adapter = (repr(self.adapter), self.adapted)
        return self.placement, self.fuse, self.gate is not None, adapter, name

    def splice(self, block: str, made_of: str, layout: str) -> protocol.Splice:
        found: protocol.Splice = {
            "placement": self.placement,
            "target": self.target,
            "block": block,
            "made_of": made_of,
            "layout": layout,
            "calls": None,
            "element": None,
            "into": None,
            "method": None,
            "adapter": self.adapted,
        }
        if self.fuse is not None:
            method: protocol.Method = {"fuse": self.fuse, "adapter": self.adapter}
            if self.gate is not None:
                method["gated"], method["parts"] = True, {"gate": self.gate}
            found["method"] = method
        return found


def hypotheses(
    block: str, structure: Structure, before: Trace, now: Trace, common: Sequence[str]
) -> List[Hypothesis]:
    """The places of a new module; [] where it is never called. `common` are the paths that both models have."""
    replaced = {one.new: one.old for one in structure.replaced}
    if block in replaced:
        return [Hypothesis("replace", replaced[block], None)]
    calls = now.of(block)
    if not calls:
        return []
    call = calls[0]
    old = set(common) - {""}
    gates = gates_of(structure, call.caller)
    found: List[Hypothesis] = []
    for target in givers(call, now, old):
        found += [Hypothesis("after", target, fuse) for fuse in SERIAL]
        found += [Hypothesis("after", target, "add", gate) for gate in gates]
    if not found:
        for target in givers(call, now, old, permuted=True)[:1]:
            found.append(Hypothesis("after", target, None, adapted=True))
            for order in ORDERS:
                found += [Hypothesis("after", target, fuse, None, order) for fuse in BRANCHES]
    for target in readers(call, now, old, permuted=True):
        found.append(Hypothesis("before", target, None, adapted=True))
    for target in readers(call, now, old):
        found += [Hypothesis("before", target, fuse) for fuse in SERIAL]
    for target in twins(call, now, old):
        found += [Hypothesis("beside", target, fuse) for fuse in BRANCHES]
        found += [Hypothesis("beside", target, "add", gate) for gate in gates]
    for path in structure.removed:
        if path.rpartition(".")[0] == block.rpartition(".")[0] and before.of(path):
            found.append(Hypothesis("replace", path, None))
    return found


def gates_of(structure: Structure, caller: str) -> List[str]:
    """The new parameters of the module that calls the block."""
    return [path for path in structure.parameters if path.rpartition(".")[0] == caller]


def givers(call: Called, now: Trace, old: "set[str]", *, permuted: bool = False) -> List[str]:
    """The layers that gave what the call is fed: those of the same forward, else the latest.

    `permuted`: they gave the same numbers, which lie along other axes.
    """

    def gave(other: Called) -> bool:
        if not other.path or other.end >= call.start or call.fed is None:
            return False
        if permuted:
            return any(same_numbers(call.fed, part) for part in other.parts)
        return call.fed in other.parts

    found = [other for other in now.calls if other.path in old and gave(other)]
    found.sort(key=lambda other: other.end, reverse=True)
    near = [other.path for other in found if other.caller == call.caller]
    if not found:  # behind another new module: where that sits
        for other in now.calls:
            if gave(other):
                return givers(other, now, old, permuted=permuted)
    # Further away only where nothing is near: the last layer of the module that gave it, or that module.
    return unique(near or [other.path for other in found])[:2]


def same_numbers(one: Key, other: Key) -> bool:
    """Whether two tensors hold the same numbers, as far as their sums tell."""
    if one is None or other is None or len(one) < 4 or len(other) < 4:
        return False
    return one[3] == other[3] and all(
        isinstance(a, float) and isinstance(b, float) and abs(a - b) <= 1e-9 * one[3]
        for a, b in zip(one[1:3], other[1:3])
    )


def readers(call: Called, now: Trace, old: "set[str]", *, permuted: bool = False) -> List[str]:
    """The next layers of the same forward: first those that are fed what the block gave.

    `permuted`: those alone that are fed it along other axes.
    """
    later = [
        other
        for other in now.calls
        if other.path in old and other.caller == call.caller and other.start > call.end
    ]
    if permuted:
        later = [
            other
            for other in later
            if other.fed not in call.parts
            and any(same_numbers(other.fed, part) for part in call.parts)
        ]
    later.sort(key=lambda other: (other.fed not in call.parts, other.start))
    return unique([other.path for other in later])[:2]


def twins(call: Called, now: Trace, old: "set[str]") -> List[str]:
    """The layers of the same forward that are fed the same."""
    return unique(
        [
            other.path
            for other in now.calls
            if other.path in old and other.caller == call.caller and other.fed == call.fed
        ]
    )[:2]


def unique(paths: Sequence[str]) -> List[str]:
    return list(dict.fromkeys(paths))


class Group(NamedTuple):
    """New modules of one class under one name, which are taken to sit alike."""

    blocks: List[str]
    kinds: List[List[Hypothesis]]  # for each kind that all have, the hypothesis of each


def grouped(model: nn.Module, places: Dict[str, List[Hypothesis]]) -> List[Group]:
    """The new modules by class and name, with the kinds of places that fit all of a group."""
    modules = dict(model.named_modules(remove_duplicate=False))
    groups: Dict[Tuple[str, str], List[str]] = {}
    for block in places:
        name = re.sub(r"\d+", "", block.rpartition(".")[2])
        groups.setdefault((type(modules[block]).__name__, name), []).append(block)
    found: List[Group] = []
    for blocks in groups.values():
        kinds = kinds_of(blocks, places)
        if kinds:
            found.append(Group(blocks, kinds))
        else:
            found += [Group([one], [[place] for place in places[one]]) for one in blocks]
    return found


def kinds_of(blocks: Sequence[str], places: Dict[str, List[Hypothesis]]) -> List[List[Hypothesis]]:
    """The places by kind, without the name of the target first: `layer1` and `layer2` are alike."""
    found: List[List[Hypothesis]] = []
    for first in places[blocks[0]]:
        of_kind: List[Hypothesis] = []
        for block in blocks:
            alike = [one for one in places[block] if one.kind == first.kind]
            alike = alike or [one for one in places[block] if one.kind[:-1] == first.kind[:-1]]
            of_kind += alike[:1]
        if len(of_kind) == len(blocks):
            found.append(of_kind)
    return found


def combinations(groups: Sequence[Group]) -> Iterator[Dict[str, Hypothesis]]:
    """The choices of one kind for each group, the likeliest first."""
    numbers = [0] * len(groups)
    ranks = [len(group.kinds) for group in groups]
    made = 0
    for total in range(sum(ranks) - len(ranks) + 1):
        for numbers in choices(ranks, total):
            chosen: Dict[str, Hypothesis] = {}
            for group, number in zip(groups, numbers):
                chosen.update(zip(group.blocks, group.kinds[number]))
            yield chosen
            made += 1
            if made == MOST_COMBINATIONS:
                return


def choices(ranks: Sequence[int], total: int) -> Iterator[List[int]]:
    """All numbers below the ranks whose sum is the total."""
    if not ranks:
        if total == 0:
            yield []
        return
    for first in range(min(ranks[0], total + 1)):
        for rest in choices(ranks[1:], total - first):
            yield [first, *rest]
