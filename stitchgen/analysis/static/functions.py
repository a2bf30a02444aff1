"""What functions and classes of other packages give: each package has its overlay.

An overlay is a module with a table of the package's functions. It is asked about what is
certainly of that package: a name is looked up in the project first. What is in no table may
change whatever it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stitchgen.analysis.static import modules
from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.names import canonical, layer_name
from stitchgen.analysis.static.overlays import (
    builtins,
    collections,
    copy,
    functools,
    inspect,
    itertools,
    math,
    operator,
    torch,
    torch_utils,
    typing,
    warnings,
)
from stitchgen.analysis.static.overlays.table import Handler, computed
from stitchgen.analysis.static.values import NONE, Array, Spread, Unknown, Value

_PACKAGES: dict[str, dict[str, Handler]] = {
    "builtins": builtins.FUNCTIONS,
    "collections": collections.FUNCTIONS,
    "copy": copy.FUNCTIONS,
    "functools": functools.FUNCTIONS,
    "inspect": inspect.FUNCTIONS,
    "itertools": itertools.FUNCTIONS,
    "typing": typing.FUNCTIONS,
    "warnings": warnings.FUNCTIONS,
}
_HANDLERS: dict[str, Handler] = {
    **{
        f"{package}.{name}": handler
        for package, table in _PACKAGES.items()
        for name, handler in table.items()
    },
    **torch_utils.FUNCTIONS,
}
_COMPUTED: dict[str, Callable[..., Any]] = {
    f"{package}.{name}": function
    for package, table in (
        ("builtins", builtins.COMPUTED),
        ("math", math.COMPUTED),
        ("operator", operator.COMPUTED),
    )
    for name, function in table.items()
}
#: What is given back is what was passed in, with its weight computed otherwise.
_NORMALISED = re.compile(r"torch\.nn\.utils\.(parametrizations\.)?(spectral_norm|weight_norm)")
#: What changes nothing that channels depend on.
_HARMLESS = re.compile(
    r"torch\.nn\.init\.\w+|.*\._log_api_usage_once|.*\.(_)?(init|initialize|reset)_?\w*"
    r"|.*\.trunc_normal_|.*\.lecun_normal_|logging\.\w+|numpy\.\w+|torch\.nn\.\w+"
    r"|.*\.(xavier|kaiming|constant|normal)_?\w*|torch\.(cuda|autograd|backends)\..*"
)


def call(
    machine: Interpreter, origin: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """The result of a call of something of another package."""
    origin = canonical(origin)
    if origin in {"torch.nn.Parameter", "torch.nn.parameter.Parameter"}:
        value = arguments[0] if arguments else keywords.get("data")
        return value if isinstance(value, Array) else Unknown("it is a parameter")
    if layer_name(origin) is not None:
        return modules.construct(machine, origin, arguments, keywords)
    package, _, function = origin.rpartition(".")
    if origin in _COMPUTED:
        result = computed(origin, _COMPUTED[origin], arguments, keywords)
        if result is not None:
            return result
    elif package in {"torch", "torch.nn.functional"}:
        return torch.call(machine, function, arguments, keywords)
    if any(isinstance(value, Spread) for value in arguments) or "**" in keywords:
        machine.pass_to_unknown([*arguments, *keywords.values()])
        return Unknown("its arguments cannot be determined")
    handler = _HANDLERS.get(origin)
    if handler is not None:
        return handler(machine, arguments, keywords)
    return _unknown(machine, origin, arguments, keywords)


def _unknown(
    machine: Interpreter, origin: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """The result of a call of something that is in no table."""
    if _NORMALISED.fullmatch(origin):
        return arguments[0] if arguments else Unknown()
    if _HARMLESS.fullmatch(origin):
        return NONE if origin.startswith("torch.nn.init") else Unknown()
    if origin.rpartition(".")[2][:1].isupper():
        return Unknown(f"{origin} is not known")  # an object is made, its parts stay as they are
    machine.pass_to_unknown([*arguments, *keywords.values()])
    return Unknown(f"{origin} is not known")
