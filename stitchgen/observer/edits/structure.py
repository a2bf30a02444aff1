"""Which modules of an edited model are new, which stand in place of others, which only have another name.

Two models are compared child by child, from the root down. Children have names, so those of one name are
taken for one another; those of a Sequential or a list have numbers, which an insertion shifts, so they are
aligned by what they are.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from torch import nn

#: Of the keys of a module's state.
Shapes = Dict[str, Tuple[int, ...]]


class Moved(NamedTuple):
    """A module that was, and under which other path it is now."""

    old: str
    new: str


class Structure:
    """The differences between the modules of two models, by path; the outermost of each kind alone."""

    def __init__(self, original: nn.Module, edited: nn.Module) -> None:
        self.original, self.edited = original, edited
        self.added: List[str] = []
        self.removed: List[str] = []
        #: In place of a module of the same path, or of one of its siblings that is gone.
        self.replaced: List[Moved] = []
        self.moved: List[Moved] = []
        #: Parameters that old modules have now.
        self.parameters: List[str] = []
        self.compare(original, edited, "", "")

    @property
    def new(self) -> List[str]:
        """The paths of all that is new in the edited model."""
        return [*self.added, *(one.new for one in self.replaced), *self.parameters]

    def compare(self, old: nn.Module, new: nn.Module, old_path: str, new_path: str) -> None:
        """Compare what a module has with what it had."""
        for name in new._parameters:
            if name not in old._parameters and new._parameters[name] is not None:
                self.parameters.append(under(new_path, name))
        ours = children(old)
        theirs = children(new)
        pairs = (
            aligned(ours, theirs) if is_ordered(old) and is_ordered(new) else by_name(ours, theirs)
        )
        for mine, other in pairs:
            if other is None:
                self.removed.append(under(old_path, mine or ""))
            elif mine is None:
                self.added.append(under(new_path, other))
            else:
                before, now = under(old_path, mine), under(new_path, other)
                self.compare_children(ours[mine], theirs[other], before, now)

    def compare_children(self, old: nn.Module, new: nn.Module, before: str, now: str) -> None:
        if alike(old, new):
            if before != now:
                self.moved.append(Moved(before, now))
            self.compare(old, new, before, now)
            return
        inside = wrapped(old, new)
        if inside is None:
            self.replaced.append(Moved(before, now))
            return
        self.moved.append(Moved(before, under(now, inside)))
        self.added += [under(now, name) for name in children(new) if name != inside]

    def open_lists(self, called: Set[str]) -> None:
        """Take the elements of new containers for what is new, where they alone are called."""
        modules = dict(self.edited.named_modules(remove_duplicate=False))
        todo, self.added = self.added, []
        while todo:
            path = todo.pop(0)
            inside = [under(path, name) for name in children(modules[path])]
            if path in called or not any(one.startswith(path + ".") for one in called):
                self.added.append(path)
            else:
                todo = inside + todo


def under(path: str, name: str) -> str:
    return "%s.%s" % (path, name) if path else name


def children(module: nn.Module) -> Dict[str, nn.Module]:
    return {name: child for name, child in module._modules.items() if child is not None}


def is_ordered(module: nn.Module) -> bool:
    """Whether the names of its children are their numbers."""
    return all(name.isdigit() for name in module._modules) and bool(module._modules)


def shapes(module: nn.Module) -> Shapes:
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tuple(tensor.shape) for name, tensor in named}


def kept(old: nn.Module, new: nn.Module) -> bool:
    """Whether all that the one keeps is in the other, by name and shape."""
    ours, theirs = shapes(old), shapes(new)
    return all(theirs.get(name) == shape for name, shape in ours.items())


def alike(old: nn.Module, new: nn.Module) -> bool:
    """Whether a module is the old one, as it is or with something in it: of its class, or of another that
    holds all that the old one held."""
    if type(old).__name__ == type(new).__name__:
        return True
    return bool(children(old)) and bool(children(new)) and bool(shapes(old)) and kept(old, new)


def wrapped(old: nn.Module, new: nn.Module) -> Optional[str]:
    """The child of a new module that is the old one, if a module was put around it."""
    for name, child in children(new).items():
        if type(child).__name__ == type(old).__name__ and shapes(child) == shapes(old):
            return name
    return None


Pair = Tuple[Optional[str], Optional[str]]


def by_name(ours: Dict[str, nn.Module], theirs: Dict[str, nn.Module]) -> Iterator[Pair]:
    for name in ours:
        yield name, name if name in theirs else None
    for name in theirs:
        if name not in ours:
            yield None, name


def aligned(ours: Dict[str, nn.Module], theirs: Dict[str, nn.Module]) -> List[Pair]:
    """The children of two containers in order: as many pairs of like ones as there can be.

    What lies between two pairs and is as many on both sides is taken for a replacement, one by one.
    """
    old, new = list(ours), list(theirs)
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1])
            if same(ours[old[i]], theirs[new[j]]):
                best[i][j] = max(best[i][j], best[i + 1][j + 1] + 1)
    pairs: List[Pair] = []
    gap: Tuple[List[str], List[str]] = ([], [])
    i = j = 0
    while i < len(old) and j < len(new):
        like = same(ours[old[i]], theirs[new[j]])
        if like and best[i][j] == best[i + 1][j + 1] + 1:
            pairs += between(*gap)
            gap = ([], [])
            pairs.append((old[i], new[j]))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            gap[0].append(old[i])
            i += 1
        else:
            gap[1].append(new[j])
            j += 1
    return pairs + between([*gap[0], *old[i:]], [*gap[1], *new[j:]])


def between(old: Sequence[str], new: Sequence[str]) -> List[Pair]:
    if len(old) == len(new):
        return list(zip(old, new))
    return [*((name, None) for name in old), *((None, name) for name in new)]


def same(old: nn.Module, new: nn.Module) -> bool:
    return alike(old, new) and kept(old, new)
