"""What a project puts into the registries of installed packages, as `@register_model` does.

A project is imported several times in one process, and many registries refuse a name that they have. So what
the project's own functions and classes were registered under is taken out and put back with its modules.
"""

from __future__ import annotations

import functools
import sys
import types
from collections import OrderedDict
from typing import Any, Callable, Dict, Iterator, List, Mapping, Set

#: Too many tables, none of which a project registers models in.
UNSEARCHED = {"torch", "numpy", "scipy", "sys", "builtins", "stitchgen"}

#: Puts one entry back.
Entry = Callable[[], None]


def take_out(modules: Mapping[str, types.ModuleType]) -> List[Entry]:
    """Take all that is of these modules out of the registries; what puts each of them back.

    Those of a class of their own may import or compute when they are asked, and are asked as plain ones.
    """
    names = set(modules)
    taken: List[Entry] = []
    for container in registries(packages_of(modules)):
        if isinstance(container, dict):
            for key, value in list(plain(container).items(container)):
                if is_of(value, names):
                    plain(container).pop(container, key)
                    taken.append(put_back_in_dict(container, key, value))
        elif isinstance(container, set):
            for value in [one for one in set.__iter__(container) if is_of(one, names)]:
                set.discard(container, value)
                taken.append(put_back_by(functools.partial(set.add, container), value))
        elif any(is_of(one, names) for one in list.__iter__(container)):
            values = [one for one in list.__iter__(container) if is_of(one, names)]
            others = [one for one in list.__iter__(container) if not is_of(one, names)]
            list.__setitem__(container, slice(None), others)
            taken.append(put_back_by(functools.partial(list.extend, container), values))
    return taken


def plain(container: Dict[Any, Any]) -> Any:
    """The class of Python's that a dictionary is, with its methods as they are."""
    return OrderedDict if isinstance(container, OrderedDict) else dict


def put_back_in_dict(container: Dict[Any, Any], key: Any, value: Any) -> Entry:
    def put_back() -> None:
        plain(container).setdefault(container, key, value)

    return put_back


def put_back_by(add: Callable[[Any], object], value: Any) -> Entry:
    def put_back() -> None:
        add(value)

    return put_back


def packages_of(modules: Mapping[str, types.ModuleType]) -> Set[str]:
    """The installed packages that the modules take functions, classes or objects from."""
    found: Set[str] = set()
    for module in modules.values():
        for value in list(vars(module).values()):
            if isinstance(value, types.ModuleType):
                name: object = value.__name__
            elif callable(value):
                name = getattr(value, "__module__", None)
            else:
                name = type(value).__module__
            if isinstance(name, str):
                found.add(name.partition(".")[0])
    own = {name.partition(".")[0] for name in modules}
    return found - own - UNSEARCHED - set(getattr(sys, "stdlib_module_names", ()))


def registries(packages: Set[str]) -> Iterator[Any]:
    """The dicts, lists and sets of these packages' modules, and of the objects and classes in them."""
    seen: Set[int] = set()
    for name, module in list(sys.modules.items()) if packages else ():
        if name.partition(".")[0] not in packages or not isinstance(module, types.ModuleType):
            continue
        for value in list(vars(module).values()):
            if id(value) in seen or isinstance(value, types.ModuleType):
                continue
            seen.add(id(value))
            if isinstance(value, (dict, list, set)):
                yield value
                continue
            if type(value).__module__.partition(".")[0] in packages or isinstance(value, type):
                for part in list(getattr(value, "__dict__", {}).values()):
                    if isinstance(part, (dict, list, set)) and id(part) not in seen:
                        seen.add(id(part))
                        yield part


def is_of(value: object, names: Set[str]) -> bool:
    """Whether a function or class was defined in one of the modules."""
    if not isinstance(value, (type, types.FunctionType)):
        return False
    return value.__module__ in names
