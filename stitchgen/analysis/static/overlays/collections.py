"""What the containers of `collections` give: an OrderedDict is read as a dict."""

from __future__ import annotations

from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.overlays.builtins import dictionary
from stitchgen.analysis.static.overlays.table import Handler
from stitchgen.analysis.static.values import Value


def _default_dict(
    machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return machine.mapping(None)


FUNCTIONS: dict[str, Handler] = {"OrderedDict": dictionary, "defaultdict": _default_dict}
