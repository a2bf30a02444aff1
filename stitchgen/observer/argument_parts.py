"""The parts of a constructor's argument that may be another number in another configuration.

The argument itself, the elements of a list, the attributes of a configuration object (a Namespace, a dataclass, a
Hugging Face config) or the values of a dictionary, as far as the class reads them.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import inspect
import textwrap
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from stitchgen.observer.variants import NoVariant, is_integer, with_field

#: None for the argument itself, the number of an element, LONGER, the name of an attribute or key, or that name with
#: the number of an element of its list.
Part = Union[int, str, Tuple[str, int], None]
#: In the place of an element's number: the list has one more, as another configuration may.
LONGER = -1
#: Of a list, the elements that are changed.
FIRST = (0, 1, 2, 3)
#: So many attributes of one configuration object are changed.
MOST_FIELDS = 8
Number = Union[int, float]
Change = Callable[[Number], Number]


class NothingToLearn(BaseException):
    """An argument has no such part that is a number, or no candidate depends on it.

    No `except Exception` of a model is to stop it.
    """


def parts_of(kind: Any, argument: str) -> List[Part]:
    """What may be changed of an argument, the likeliest first."""
    fields = fields_read(kind, argument)[:MOST_FIELDS]
    of_lists = [(name, element) for name in fields for element in FIRST]
    return [None, LONGER, *FIRST, *fields, *of_lists]


def fields_read(kind: Any, argument: str) -> List[str]:
    """The attributes and keys of an argument that the source of its class reads: `cfg.width`, `cfg["width"]`."""
    found: Dict[str, None] = {}
    for node in ast.walk(tree_of(kind)):
        name = field_of(node)
        if name is not None and is_argument(getattr(node, "value", None), argument):
            found[name] = None
    return list(found)


def filled_in(kind: Any, argument: str) -> Any:
    """What the constructor takes where the argument is None: `if widths is None: widths = [8, 16]`, or None."""
    for node in ast.walk(tree_of(kind)):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or):
                value = value.values[-1]  # `widths = widths or [8, 16]`
            if isinstance(target, ast.Name) and target.id == argument:
                with contextlib.suppress(ValueError):
                    return ast.literal_eval(value)
    return None


@functools.lru_cache(maxsize=32)
def tree_of(kind: Any) -> ast.AST:
    """The source of a class; it is asked for with each argument that is tried.

    Few are kept, since each request imports the classes anew, and what is kept keeps their modules.
    """
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return ast.Module(body=[], type_ignores=[])


def field_of(node: ast.AST) -> Optional[str]:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        key: Any = node.slice
        key = getattr(key, "value", key)  # Python 3.8 has an ast.Index around it
        key = getattr(key, "value", key)
        return key if isinstance(key, str) else None
    return None


def is_argument(node: Optional[ast.AST], argument: str) -> bool:
    """Whether it is the argument's name, or the attribute of `self` of that name."""
    if isinstance(node, ast.Name):
        return node.id == argument
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.value.id == "self" and node.attr == argument
    return False


def changed(part: Part, change: Change, filled: Any = None) -> Callable[[Any], Any]:
    """What gives an argument with that part changed; it raises `NothingToLearn` where that is no number.

    `filled` is what the constructor itself takes for None.
    """

    def of_number(value: Any) -> Number:
        if not is_number(value):
            raise NothingToLearn
        return change(value)

    def other(value: Any) -> Any:
        value = filled if value is None else value
        if part is None:
            return of_number(value)
        if isinstance(part, int):
            return with_element(value, part, change)
        try:
            if isinstance(part, str):
                return with_field(value, part, of_number)
            name, element = part
            return with_field(value, name, lambda listed: with_element(listed, element, change))
        except NoVariant:
            raise NothingToLearn from None

    return other


def is_number(value: object) -> bool:
    return is_integer(value) or (isinstance(value, float) and value != 0)


def with_element(value: Any, element: int, change: Change) -> Any:
    listed = isinstance(value, (list, tuple)) and len(value) > max(element, 0)
    if not listed or not all(is_number(item) for item in value):
        raise NothingToLearn
    items = list(value)
    if element == LONGER:
        items.append(change(items[-1]))
    else:
        items[element] = change(items[element])
    return type(value)(items)
