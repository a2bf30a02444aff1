"""What methods do whose classes are not the project's: those of Python's containers and of torch.

A method that is not known may change whatever it is given.
"""

from __future__ import annotations

from typing import Any

from stitchgen.analysis.static import modules, operators
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.names import CONTAINERS, layer_name
from stitchgen.analysis.static.overlays import torch
from stitchgen.analysis.static.overlays.torch_nn import forward
from stitchgen.analysis.static.values import (
    NONE,
    Known,
    Raised,
    Ref,
    Spread,
    Tensor,
    Unknown,
    Value,
    literal,
)

#: Methods of containers that change which layers they hold, under which names.
_REGISTER = frozenset(
    "insert pop update clear setdefault popitem __setitem__ __delitem__ __iadd__".split()
)
_MODULE_PASSES = frozenset(
    "parameters named_parameters buffers named_buffers modules named_modules state_dict zero_grad "
    "register_buffer register_parameter load_state_dict extra_repr _get_name "
    "_register_load_state_dict_pre_hook register_state_dict_pre_hook register_load_state_dict_post_hook "
    "_register_state_dict_hook".split()
)


def call_method(
    machine: Interpreter,
    receiver: Value,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """A method of something whose class is not the project's."""
    if isinstance(receiver, Tensor):
        return torch.call(machine, name, [receiver, *arguments], keywords)
    if isinstance(receiver, Ref):
        if machine.kinds[receiver.id] in {"instance", "module"}:
            return _module_method(machine, receiver, name, arguments, keywords)
        return _container_method(machine, receiver, name, arguments, keywords)
    if isinstance(receiver, Known):
        if isinstance(receiver.value, str) and all(isinstance(v, Known) for v in arguments):
            if not all(isinstance(v, Known) for v in keywords.values()):
                return Unknown()
            given = [v.value for v in arguments]  # type: ignore[attr-defined]
            named = {k: v.value for k, v in keywords.items()}  # type: ignore[attr-defined]
            if not _stays_small(receiver.value, [*given, *named.values()]):
                return Unknown("it is a long text")
            try:
                result = getattr(receiver.value, name)(*given, **named)
            except Exception:  # whatever it is, the code that is read would raise it
                raise Raised from None
            if isinstance(result, list):
                return machine.sequence([Known(item, term=literal(item)) for item in result])
            if isinstance(result, (str, int, bool)) and operators.is_small(result):
                return Known(result)
            return Unknown("it is a text that cannot be determined")
        if isinstance(receiver.value, str) and name == "join":
            parts = machine.iterate(arguments[0]) if len(arguments) == 1 else None
            if parts is None or not all(isinstance(part, Known) for part in parts):
                return Unknown()
            texts = [part.value for part in parts if isinstance(part, Known)]
            if not all(isinstance(text, str) for text in texts):
                raise Raised
            return Known(receiver.value.join(texts)) if len(texts) < 1000 else Unknown()
    if name in {"add_module", "register_module", "append", "insert", "__setitem__"}:
        for value in [*arguments, *keywords.values()]:
            machine.hold_unknown(value)
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"the method {name} is not known")


def _stays_small(text: str, values: list[Any]) -> bool:
    """Whether a method of a text gives something small, before it is called."""
    if not operators.formats_small(text, values):
        return False
    longest = max((len(value) for value in values if isinstance(value, str)), default=0)
    return len(text) * (longest + 1) <= operators.LONGEST_TEXT


def _container_method(
    machine: Interpreter,
    receiver: Ref,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    items = machine.items(receiver)
    kind = machine.kinds[receiver.id]
    known_arguments = not any(isinstance(v, Spread) for v in arguments)

    def fill(content: Any) -> Value:
        machine.put(receiver.id, "items", content)
        return NONE

    first = arguments[0] if arguments else None
    if items is None:
        machine.escape([*arguments, *keywords.values()])
    if not known_arguments:
        fill(None)
        return Unknown()
    if kind == "list" and first is not None:
        match name:
            case "append":
                return fill(None if items is None else (*items, first))
            case "extend":
                more = machine.iterate(first)
                if items is not None and more is not None:
                    return fill((*items, *more))
                machine.escape([first])
                return fill(None)
            case "insert" if len(arguments) == 2 and isinstance(first, Known):
                if items is None or not isinstance(first.value, int):
                    return fill(None)
                changed = list(items)
                changed.insert(first.value, arguments[1])
                return fill(tuple(changed))
    if kind == "list" and name == "pop":
        index = first if first is not None else Known(-1)
        if items is None or not isinstance(index, Known):
            fill(None)
            return Unknown()
        changed = list(items)
        try:
            popped: Value = changed.pop(index.value)
        except (IndexError, TypeError):
            raise Raised from None
        fill(tuple(changed))
        return popped.having(None)
    if kind == "list" and name == "reverse":
        return fill(None if items is None else items[::-1])
    if kind in {"list", "tuple"} and name in {"index", "count"}:
        return Unknown()
    if name == "copy":
        if kind == "dict":
            return machine.mapping(items)
        return machine.sequence(items, kind)
    if kind == "dict":
        return _dict_method(machine, receiver, name, arguments, keywords, items)
    fill(None)
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"the method {name} is not known")


def _rows(machine: Interpreter, receiver: Ref, name: str) -> list[Value] | None:
    """What a view of a dict gives."""
    table = machine.items(receiver)
    if table is None:
        return None
    rows: list[Value] = []
    for key, value in table:
        value = machine.element(receiver, value, "[]", literal(key))
        key_value = Known(key, term=literal(key))
        if name == "items":
            rows.append(machine.sequence([key_value, value], "tuple"))
        else:
            rows.append(value if name == "values" else key_value)
    return rows


def _dict_method(
    machine: Interpreter,
    receiver: Ref,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
    items: Any,
) -> Value:
    first = arguments[0] if arguments else None
    default = arguments[1] if len(arguments) > 1 else NONE
    table = None if items is None else dict(items)
    match name:
        case "items" | "values" | "keys":
            return machine.iterator(lambda: _rows(machine, receiver, name), [receiver], once=False)
        case "get" | "pop" | "setdefault":
            if table is None or not isinstance(first, Known):
                machine.escape([receiver, default])
                if name != "get":
                    machine.put(receiver.id, "items", None)
                return Unknown("the key may be there")
            found: Value | None = next((v for k, v in table.items() if k == first.value), None)
            if found is None:
                if name == "pop" and len(arguments) < 2:
                    raise Raised
                if name == "setdefault":
                    table[first.value] = default
                    machine.put(receiver.id, "items", tuple(table.items()))
                return default
            if name == "pop":
                del table[first.value]
                machine.put(receiver.id, "items", tuple(table.items()))
                return found.having(None)
            return machine.element(receiver, found, "[]", literal(first.value))
        case "update":
            more = machine.items(first) if first is not None else ()
            other = machine.kind(first or NONE) not in {"dict", None}
            if table is None or more is None or other or "**" in keywords:
                machine.escape([*arguments, *keywords.values()])
                machine.put(receiver.id, "items", None)
                return NONE
            table.update(more)
            table.update(keywords)
            machine.put(receiver.id, "items", tuple(table.items()))
            return NONE
    machine.put(receiver.id, "items", None)
    return Unknown(f"the method {name} is not known")


def _module_method(
    machine: Interpreter,
    receiver: Ref,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    base, _, after = name.rpartition(":")
    if base:
        return _base_method(machine, receiver, base, after, arguments, keywords)
    origin = modules.module_origin(machine, receiver)
    container = layer_name(origin or "")
    if container in CONTAINERS and name in {"append", "extend"} and len(arguments) == 0:
        arguments = list(keywords.values())
    first = arguments[0] if arguments else None
    match name:
        case "append" if container in CONTAINERS and first is not None:
            found = modules.members(machine, receiver)
            if found is None:
                modules.grow(machine, receiver, first)
            else:
                machine.set_attribute(receiver, str(len(found)), first)
            return receiver
        case "extend" if container in CONTAINERS and first is not None:
            modules.extend(machine, receiver, first)
            return receiver
        case _ if container in CONTAINERS and name in _REGISTER:
            modules.grow(machine, receiver, *arguments, *keywords.values())
            return Unknown()
        case "__setattr__" if len(arguments) == 2:
            modules.set_named(machine, receiver, arguments[0], arguments[1])
            return NONE
        case "__delattr__" | "set_submodule":
            modules.grow(machine, receiver, *arguments, *keywords.values())
            machine.pass_to_unknown([receiver])
            machine.change_unknown()
            return NONE
        case "add_module" | "register_module":
            arguments = [*arguments, *(keywords[k] for k in ("name", "module") if k in keywords)]
            if len(arguments) == 2:
                modules.set_named(machine, receiver, arguments[0], arguments[1])
            return NONE
        case "children" | "named_children":
            found = modules.children(machine, receiver)
            if found is None:
                return machine.sequence(None)
            if name == "children":
                return machine.sequence([value for _, value in found])
            return machine.sequence(
                [machine.sequence([Known(n), value], "tuple") for n, value in found]
            )
        case "items" | "values" | "keys" if container == "ModuleDict":
            found = modules.members(machine, receiver)
            if found is None:
                return machine.sequence(None)
            rows: list[Value] = []
            for key, value in found:
                pair = machine.sequence([Known(key, term=literal(key)), value], "tuple")
                rows.append({"items": pair, "values": value, "keys": Known(key)}[name])
            return machine.sequence(rows)
        case "eval" | "train" | "to" | "cuda" | "cpu" | "float" | "half" | "requires_grad_":
            return receiver
        case "forward":
            # What `forward` itself does is what the call does; hooks do not see it.
            return forward(machine, receiver, origin or "", arguments, keywords)
        case "apply":
            modules.escape_all(machine, receiver)
            if first is not None:
                machine.call_unknown(first)
            return receiver
        case "get_submodule" if isinstance(first, Known):
            reached: Value = receiver
            for part in str(first.value).split("."):
                reached = machine.attribute(reached, part)
            return reached
    if name in {"modules", "named_modules"}:
        modules.escape_all(machine, receiver)
    if name in _MODULE_PASSES or name.startswith(("_init", "init", "reset")):
        return Unknown()
    if name.startswith("register_"):
        machine.taint(receiver)  # hooks may change the result
        return Unknown()
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"the method {name} is not known")


def _base_method(
    machine: Interpreter,
    receiver: Ref,
    base: str,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """`super().name(...)` where the next class is torch's."""
    if name == "__init__":
        if not modules.initialise(machine, receiver, base, arguments, keywords):
            machine.taint(receiver)
        return NONE
    if name == "forward":
        return forward(machine, receiver, base, arguments, keywords)
    return _module_method(machine, receiver, name, arguments, keywords)
