"""What an edit by hand may get wrong before anything has to be compared: each a part of one of the checks."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Sequence, Tuple

from stitchgen.observer import protocol
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.wording import times
from stitchgen.observer.edits.structure import Structure, shapes, under
from stitchgen.observer.edits.trace import Trace

#: Of each mode: the trace of the original, and that of the edited model.
Traces = Dict[str, Tuple[Trace, Trace]]


class EditFailed(CheckFailed):
    """A check that does not hold, with the line that it is about."""

    def __init__(
        self, check: str, message: str, mode: Optional[str] = None, where: Optional[str] = None
    ) -> None:
        super().__init__(check, message, mode)
        self.where = where


def check_loose(old: Trace, new: Trace) -> None:
    """Part of `keys`: every module with weights that is called is one of the model's own."""
    before = [one.kind for one in old.loose]
    for one in new.loose:
        if one.kind in before:
            before.remove(one.kind)
            continue
        raise EditFailed(
            "keys",
            "The module %s is called and is none of the model's: its weights are in no state_dict and "
            "no optimizer gets them. Keep it as an attribute, or in an nn.ModuleList; a plain list or "
            "dict does not register it, nor does making it in forward." % one.kind,
            where=one.where,
        )


def check_kept(structure: Structure, defined: Callable[[str], Optional[str]]) -> None:
    """Part of `keys`: an old layer with weights is where it was."""
    modules = dict(structure.original.named_modules(remove_duplicate=False))
    for one in structure.moved:
        names = [*shapes(modules[one.old])]
        if names:
            raise EditFailed(
                "keys",
                "The key %s of the old state_dict is lost: its layer %s is %s now, where old weights do "
                "not find it." % (under(one.old, names[0]), one.old, one.new),
                where=defined(one.new),
            )


def check_still_called(structure: Structure, common: Sequence[str], traces: Traces) -> None:
    """Part of `elsewhere`: an old layer that is still there is called as before."""
    called = {call.path for _, new in traces.values() for call in new.calls}
    gone = [one.old for one in structure.replaced]
    for old, new in traces.values():
        for call in old.calls:
            below = [path for path in called if path.startswith(call.path + ".")]
            if call.path in called or call.path not in common or below:
                continue
            if any(call.path.startswith(path + ".") for path in gone):
                continue
            others = [one for one in new.calls if one.path in structure.new]
            near = [one.where for one in others if one.caller == call.caller]
            raise EditFailed(
                "elsewhere",
                "%s is still there and is called no more." % call.path,
                where=next(iter([*near, *(one.where for one in others)]), None),
            )


def check_called(
    structure: Structure,
    traces: Traces,
    defined: Callable[[str], Optional[str]],
    names: Callable[[str], List[str]],
) -> None:
    """Part of `position`: every new module is called somewhere."""
    for block in [*structure.added, *(one.new for one in structure.replaced)]:
        paths = names(block) or [block]
        called = {call.path for _, new in traces.values() for call in new.calls}
        # A container is not called itself where its children are.
        runs = [
            one for one in called for path in paths if one == path or one.startswith(path + ".")
        ]
        if not runs:
            raise EditFailed(
                "position",
                "%s is made and never called, in eval or in train." % block,
                where=defined(block),
            )


def check_writes(common: Sequence[str], old: Trace, new: Trace) -> None:
    """Part of `elsewhere`: nothing new writes in place to what others read."""
    known = {*common, ""}
    before = {(one.path, one.number) for one in old.writes}
    for one in new.writes:
        readers = old.reads.get((one.path, one.number), 0)
        if one.path in known and (one.path, one.number) not in before and readers > 1:
            what = "what %s gave" % one.path if one.path else "the model's own input"
            raise EditFailed(
                "elsewhere",
                "%s is written to in place, and was read by %d operations before the edit: a residual, "
                "or whoever else holds it, gets the changed values too. Write x = x * y for x *= y."
                % (what[0].upper() + what[1:], readers),
                where=one.where,
            )


def check_counts(splices: Sequence[protocol.Splice], mode: str, old: Trace, new: Trace) -> None:
    """Part of `position`: a new module is called as often as its layer was."""
    for splice in splices:
        block, target = str(splice.get("block")), splice["target"]
        ours, theirs = len(new.of(block)), len(old.of(target))
        if theirs and ours != theirs:
            where = next((call.where for call in new.of(block)), None)
            raise EditFailed(
                "position",
                "%s was called %s in %s, %s %s."
                % (block, times(ours), mode, target, times(theirs)),
                mode,
                where,
            )
