"""The objects of the code that is read: what they hold, and what they may hold after a branch.

Every object is a number, and what it holds is in cells: the items of a container, the attributes
of an instance, the names of a frame. All changes are logged, so that alternatives can be run from
the same state and merged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stitchgen.analysis.static.values import (
    UNBOUND,
    Cell,
    Choice,
    Fresh,
    Known,
    Opaque,
    Raised,
    Ref,
    Tensor,
    Term,
    Unknown,
    Value,
    compound,
    same_count,
)

CONTAINER_KINDS = frozenset({"list", "tuple", "set", "dict"})
#: Items of a container beyond which it is not read: no model has as many layers.
MOST_ITEMS = 5000


def nothing_known() -> None:
    return None


def _parts(items: Any) -> list[Value]:
    """The values in a container, those of a dict without its keys."""
    return [item[1] if isinstance(item, tuple) else item for item in items or ()]


def _distinct(items: tuple[Value, ...]) -> tuple[Value, ...] | None:
    """The elements of a set, each once; None where it is not known which are equal."""
    if len(items) < 2:
        return items
    found: dict[Any, Value] = {}
    for item in items:
        if not isinstance(item, Known):
            return None
        try:
            found.setdefault(item.value, item)
        except TypeError:
            raise Raised from None
    return tuple(found.values())


@dataclass
class Heap(ABC):
    """All objects with their cells, and where the code made or changed them."""

    cells: dict[tuple[int, str], Any] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    keys: dict[int, dict[str, None]] = field(default_factory=dict)  # the cells of each object
    log: list[tuple[tuple[int, str], Any]] = field(default_factory=list)
    entry: int = 0  # objects below this number were made outside the `__init__` that is read
    root: int | None = None
    escaped: set[int] = field(default_factory=set)  # objects that something unknown may be
    unforgotten: set[int] = field(default_factory=set)  # those of them that have contents
    lasting: set[int] = field(default_factory=set)  # objects that constants of files hold
    # The same, of constants, classes and defaults, for as long as anything is read: a change of
    # them outlasts the model that is built.
    shared: set[int] = field(default_factory=set)
    views: dict[int, Ref] = field(default_factory=dict)  # what is `_modules`, by its dict
    mutated: set[Term] = field(default_factory=set)  # what was passed in and is changed
    # What each instance was constructed with.
    arguments: dict[int, tuple[tuple[Value, ...], tuple[tuple[str, Value], ...]]] = field(
        default_factory=dict
    )
    fresh_count: int = 0
    undecided: int = 0  # branches that are being run and may not be taken

    # Objects --------------------------------------------------------------------------------

    def new(self, kind: str) -> int:
        self.kinds.append(kind)
        return len(self.kinds) - 1

    def put(self, id: int, key: str, value: Any) -> None:
        if key == "items" and id in self.views:
            self.taint(self.views[id])
            self.put(self.views[id].id, "grown", True)
        if id in self.shared:
            value = self._changed(id, key, value)
        elif key == "items" and value is not None and len(value) > MOST_ITEMS:
            value = None
        place = (id, key)
        old = self.cells.get(place)
        if key == "items" and value is None:
            self.escape(_parts(old))
        elif isinstance(value, Unknown) and isinstance(old, Value):
            self.escape([old])
        if id in self.escaped:
            self.unforgotten.add(id)
        self.log.append((place, old))
        self.cells[place] = value
        self.keys.setdefault(id, {})[key] = None

    def _changed(self, id: int, key: str, value: Any) -> Any:
        """What is known of a cell that outlasts the model: how often it changes is not."""
        kind = self.kinds[id]
        if key == "items" and kind in CONTAINER_KINDS:
            return None
        if key.startswith(".") or (kind == "frame" and key != "^"):
            return Unknown("it is changed, and outlasts the model")
        return value

    def keep(self, first: int, mark: int) -> None:
        """Note that the objects made since outlast what is running, whichever branch that is."""
        made = range(first, len(self.kinds))
        self.lasting.update(made)
        self.shared.update(made)
        self.log[mark:] = [entry for entry in self.log[mark:] if entry[0][0] < first]

    def get(self, id: int, key: str) -> Any:
        return self.cells.get((id, key))

    def contents(self, id: int) -> list[tuple[str, Any]]:
        """The cells of an object."""
        return [(k, v) for k in self.keys.get(id, ()) if (v := self.cells.get((id, k))) is not None]

    def items(self, value: Value) -> tuple[Any, ...] | None:
        """The contents of a list, tuple, set or dict; None where they cannot be determined."""
        found: tuple[Any, ...] | None = None
        if isinstance(value, Ref) and self.kinds[value.id] in CONTAINER_KINDS:
            found = self.get(value.id, "items")
        return found

    def kind(self, value: Value) -> str | None:
        return self.kinds[value.id] if isinstance(value, Ref) else None

    def class_of(self, ref: Ref) -> Value | None:
        found: Value | None = self.get(ref.id, "class")
        return found

    def sequence(self, items: Iterable[Value] | None, kind: str = "list") -> Ref:
        ref = Ref(self.new(kind))
        content = None if items is None else tuple(items)
        if kind == "set" and content is not None:
            self.escape(content)
            content = _distinct(content)
        self.put(ref.id, "items", content)
        return ref

    def iterator(
        self,
        produce: Callable[[], list[Value] | None],
        sources: Iterable[Value] = (),
        *,
        once: bool = True,
    ) -> Ref:
        """What gives values when it is iterated over: once, or as a view of a dict does."""
        ref = Ref(self.new("iterator"))
        self.put(ref.id, "produce", produce)
        self.put(ref.id, "once", once)
        self.put(ref.id, "sources", tuple(value for value in sources if isinstance(value, Ref)))
        return ref

    def is_iterator(self, value: Value) -> bool:
        """Whether a value can be iterated over once."""
        if not isinstance(value, Ref) or self.kinds[value.id] != "iterator":
            return False
        return bool(self.get(value.id, "once"))

    def use_up(self, value: Value) -> None:
        """Note that an iterator has given some of its values."""
        if isinstance(value, Ref) and self.is_iterator(value):
            self.put(value.id, "produce", nothing_known)
            for source in self.get(value.id, "sources"):
                self.use_up(source)

    def sources(self, value: Value) -> tuple[Any, ...]:
        """What is in the containers that a loop over the value goes through, to compare."""
        if not isinstance(value, Ref):
            return ()
        if self.kinds[value.id] == "iterator":
            return tuple(
                one for source in self.get(value.id, "sources") for one in self.sources(source)
            )
        return (self.get(value.id, "items"),)

    def mapping(self, items: Iterable[tuple[Any, Value]] | None) -> Ref:
        ref = Ref(self.new("dict"))
        self.put(ref.id, "items", None if items is None else tuple(items))
        return ref

    def kept(self, value: Value) -> Value:
        """A value as it is now, whatever becomes of the containers in it."""
        items = self.items(value)
        if items is None or not isinstance(value, Ref):
            if self.kind(value) == "iterator":
                return Unknown("it can be iterated over once")
            return value
        if self.kinds[value.id] == "dict":
            return self.mapping([(key, self.kept(item)) for key, item in items])
        return self.sequence([self.kept(item) for item in items], self.kinds[value.id])

    def fresh(self) -> Opaque:
        self.fresh_count += 1
        return Opaque(term=Fresh(self.fresh_count))

    def is_outside(self, ref: Ref) -> bool:
        """Whether an object was made outside the `__init__` that is read."""
        return ref.id < self.entry or ref.id in self.lasting

    def element(self, container: Value, value: Value, operation: str, key: Term | str) -> Value:
        """What a container holds, by the term that reads it out of a container from outside."""
        if isinstance(container, Ref) and container.id != self.root:
            if self.is_outside(container):
                return value.having(compound(operation, container.term, key))
        return value

    def taint(self, value: Ref) -> None:
        self.escape(part for key, part in self.contents(value.id) if key.startswith("."))
        self.put(value.id, "tainted", True)

    @abstractmethod
    def is_module(self, value: Value) -> bool:
        """Whether it is an instance of an `nn.Module`."""

    def escape(self, values: Iterable[Any]) -> None:
        """Note that something unknown may be these: what changes it, changes them."""
        for value in values:
            if isinstance(value, Ref):
                if value.id not in self.escaped:
                    self.escaped.add(value.id)
                    self.unforgotten.add(value.id)
            elif isinstance(value, Choice):
                self.escape(value.values)

    def hold_unknown(self, value: Value) -> None:
        """Something unknown holds the value now; a module, only what may be a module holds."""
        while self.is_module(value):
            open_ = [id for id in self.escaped if self._is_open(id)]
            if not open_:
                break
            for id in open_:
                self.taint(Ref(id))
                self.put(id, "grown", True)
        self.escape([value])
        self.change_unknown()

    def _is_open(self, id: int) -> bool:
        return self.is_module(Ref(id)) and not self.get(id, "grown")

    def change_unknown(self) -> None:
        """Something unknown may have been changed: so is what it may be, and all parts of that."""
        while self.unforgotten:
            id = self.unforgotten.pop()
            kind = self.kinds[id]
            if kind in CONTAINER_KINDS:
                self.escape(_parts(self.get(id, "items")))
                if kind != "tuple" and self.get(id, "items") is not None:
                    self.put(id, "items", None)
            elif kind == "iterator":
                self.put(id, "produce", nothing_known)
            elif kind == "instance" and not self.is_module(Ref(id)) and not self.get(id, "tainted"):
                self.escape(part for key, part in self.contents(id) if key.startswith("."))
                self.put(id, "tainted", True)
            self.unforgotten.discard(id)

    def pass_to_unknown(self, values: Iterable[Value]) -> None:
        """Something unknown was called with these: what it can change, it may have changed."""
        for value in values:
            if isinstance(value, Ref):
                if self.kinds[value.id] in {"list", "dict", "set"}:
                    items = self.get(value.id, "items")
                    self.put(value.id, "items", None)
                    self.pass_to_unknown(_parts(items))
                elif self.kinds[value.id] == "tuple":
                    self.pass_to_unknown(_parts(self.get(value.id, "items")))
                elif self.kinds[value.id] == "iterator":
                    self.put(value.id, "produce", nothing_known)
                    self.pass_to_unknown(self.get(value.id, "sources"))
                elif self.kinds[value.id] in {"instance", "module"}:
                    self.taint(value)
            elif isinstance(value, Unknown):
                self.change_unknown()

    # Branches -------------------------------------------------------------------------------

    def branches(self, *thunks: Callable[[], Any]) -> list[Any]:
        """Run alternatives from the same state; merge their changes, give their results.

        An alternative that raises is none.
        """
        outcomes, changes = [], []
        for thunk in thunks:
            mark = len(self.log)
            self.undecided += 1
            try:
                outcome = thunk()
            except Raised:
                self.undo(mark)
                continue
            finally:
                self.undecided -= 1
            changed = {place: self.cells.get(place) for place, _ in self.log[mark:]}
            self.undo(mark)
            outcomes.append(outcome)
            changes.append(changed)
        if not outcomes:
            raise Raised
        for place in dict.fromkeys(place for changed in changes for place in changed):
            now = self.cells.get(place)
            values = [changed.get(place, now) for changed in changes]
            self.put(*place, self._merge_cells(place[1], values))
        return outcomes

    def undo(self, mark: int) -> None:
        while len(self.log) > mark:
            place, old = self.log.pop()
            if place[0] in self.escaped:
                self.unforgotten.add(place[0])
            if old is None:
                self.cells.pop(place, None)
            else:
                self.cells[place] = old

    def _merge_cells(self, key: str, values: list[Any]) -> Any:
        first = values[0]
        if all(value is first for value in values):
            return first
        if key == "order":
            return tuple(dict.fromkeys(name for value in values for name in value or ()))
        if not any(isinstance(value, Value) for value in values):
            if all(value == first for value in values):
                return first
            if key == "items":
                for value in values:
                    self.escape(_parts(value))
            return None
        return self.merge([UNBOUND if value is None else value for value in values])

    def merge(self, values: Sequence[Value]) -> Value:
        """One value for what may be any of several."""
        first = values[0]
        if all(value == first for value in values):
            return first
        known = [value for value in values if isinstance(value, Known)]
        if len(known) == len(values):
            what = known[0].value
            if all(type(one.value) is type(what) and one.value == what for one in known):
                return Known(what)
        tensors = [value for value in values if isinstance(value, Tensor)]
        if len(tensors) == len(values):
            counts = [value.channels for value in tensors]
            if any(count != counts[0] for count in counts):
                counts = [self.resolve(count) for count in counts]
            same = all(same_count(count, counts[0]) for count in counts)
            layouts = {value.layout for value in tensors}
            return Tensor(
                counts[0] if same else Unknown("it depends on the branch"),
                layouts.pop() if len(layouts) == 1 else None,
                all(value.squeezed for value in tensors),
            )
        flat = [
            choice
            for value in values
            for choice in (value.values if isinstance(value, Choice) else (value,))
        ]
        distinct: list[Value] = []
        for value in flat:
            if value not in distinct:
                distinct.append(value)
        if all(isinstance(value, (Known, Opaque)) for value in distinct) and not all(
            isinstance(value, Known) and value.value is None for value in distinct
        ):
            if not any(isinstance(value, Known) and value.value is None for value in distinct):
                return self.fresh()
        if len(distinct) > 8:
            self.escape(distinct)
            return Unknown("it depends on too many branches")
        return Choice(tuple(distinct), term=self.fresh().term)

    def is_ambiguous(self, ref: Ref, name: str) -> bool:
        """Whether the attribute may be one of several modules."""
        value = self.get(ref.id, f".{name}")
        return (
            isinstance(value, Choice)
            and sum(not isinstance(v, Known) and v is not UNBOUND for v in value.values) > 1
        )

    # Channel counts -------------------------------------------------------------------------

    def resolve(self, value: Value) -> Value:
        while isinstance(value, Cell):
            inner = self.get(value.id, "value")
            if inner is None:
                return value
            value = inner
        return value

    def note_count(self, tensor: Value, count: Value, layout: str | None = None) -> None:
        """A layer accepts the tensor only if it has this many channels."""
        if not isinstance(tensor, Tensor) or not isinstance(count, (Known, Opaque)):
            return
        cell = tensor.channels
        while isinstance(cell, Cell) and isinstance(self.get(cell.id, "value"), Cell):
            cell = self.get(cell.id, "value")
        if isinstance(cell, Cell):
            known = self.get(cell.id, "value")
            # A number that was passed in gets the name under which the layer knows it.
            if known is None or (known.term is None and same_count(known, count)):
                self.put(cell.id, "value", count)

    def tensor(self, count: Value | None = None, layout: str | None = None) -> Tensor:
        """An input: its count is a cell, which the first layer that is fed by it fills."""
        cell = Cell(self.new("cell"))
        if isinstance(count, Known):
            self.put(cell.id, "value", Known(count.value))
        return Tensor(cell, layout)
