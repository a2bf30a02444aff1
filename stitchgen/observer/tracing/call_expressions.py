"""The call expression that a frame is executing, in the parsed source of its file."""

from __future__ import annotations

import ast
import contextlib
import linecache
from types import CodeType, FrameType
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple


class CallExpression(NamedTuple):
    """A call in a source file, and the qualified name of the function that it stands in."""

    node: ast.Call
    function: str


class FoundCall(NamedTuple):
    """The call that a frame executes, and how it runs the module looked for: call, slice, ..."""

    node: ast.Call
    function: str
    how: str


#: A line, and a column in UTF-8 bytes.
End = Tuple[int, int]
CallsByEnd = Dict[End, List[CallExpression]]

_calls: Dict[str, CallsByEnd] = {}
_ends: Dict[CodeType, List[Tuple[Optional[int], Optional[int]]]] = {}


class Sources:
    """Parsed source files and, in them, the call expression that a frame is executing."""

    def __init__(self) -> None:
        self.calls: Dict[str, CallsByEnd] = {}

    def calls_of(self, filename: str) -> CallsByEnd:
        """The file's calls by where they end."""
        found = self.calls.get(filename)
        if found is None:
            found = self.calls[filename] = calls_in("".join(linecache.getlines(filename)))
        return found

    def call_at(
        self, frame: FrameType, names_the_module: Callable[[FrameType, ast.Call], Optional[str]]
    ) -> Optional[FoundCall]:
        """The call that `frame` executes, or None where it cannot be determined.

        `names_the_module(frame, call)` says how the call's function is the module looked for:
        a string, or None. Positions of calls are matched by their end, since CPython 3.11 to
        3.13 report a late start for attributes that span lines.
        """
        code = frame.f_code
        end = end_of_instruction(code, frame.f_lasti)
        line = frame.f_lineno
        candidates: List[FoundCall] = []
        by_end = self.calls_of(code.co_filename)
        near: Sequence[CallExpression]
        if end is not None:
            near = by_end.get(end, ())
        else:
            near = [
                call
                for calls in by_end.values()
                for call in calls
                if call.node.lineno <= line <= (call.node.end_lineno or 0)
            ]
        for node, function in near:
            how = names_the_module(frame, node)
            if how is not None:
                candidates.append(FoundCall(node, function, how))
        if not candidates:
            return None
        if end is None and len(candidates) > 1:
            return None
        return candidates[0]


def calls_in(text: str) -> CallsByEnd:
    """All calls of a source text by where they end; parsed once however often a model is traced."""
    found = _calls.get(text)
    if found is None:
        found = _calls[text] = {}
        with contextlib.suppress(SyntaxError, ValueError):
            collect_calls(ast.parse(text), "", found)
    return found


def collect_calls(node: ast.AST, scope: str, found: CallsByEnd) -> None:
    """Add all calls below `node` to `found`, each with the qualified name of its function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            collect_calls(child, scope + "." + child.name if scope else child.name, found)
            continue
        if isinstance(child, ast.Call):
            end = (child.end_lineno or 0, child.end_col_offset or 0)
            found.setdefault(end, []).append(CallExpression(child, scope))
        collect_calls(child, scope, found)


def end_of_instruction(code: CodeType, index: int) -> Optional[End]:
    """Where the source of the executing instruction ends; None before Python 3.11.

    `index` is the frame's `f_lasti`, in bytes.
    """
    if not hasattr(code, "co_positions"):
        return None
    ends = _ends.get(code)
    if ends is None:
        ends = _ends[code] = [(line, column) for _, line, _, column in code.co_positions()]
    line, column = ends[index // 2] if index // 2 < len(ends) else (None, None)
    return None if line is None or column is None else (line, column)
