"""What a person reads: the JSON object of a command as text.

Pure: a dict in, a text out, without a final newline. Floor 1: the standard library only. Colour
is the caller's: `paint(text, role)`, with the roles error, warning, good, name and faint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

Paint = Callable[[str, str], str]


def plain(text: str, role: str) -> str:
    """The paint of a pipe: none."""
    return text


def text(result: Mapping[str, Any], paint: Paint = plain) -> str:
    """The report of any command, on success and on failure."""
    if "error" in result:
        return _error(result["error"], paint)
    return _REPORTS[result["command"]](result, paint)


def _error(error: Mapping[str, Any], paint: Paint) -> str:
    lines = [f"{paint('error', 'error')}[{error['code']}]: {error['message']}"]
    if error.get("where"):
        lines.append(f"  at {paint(error['where'], 'name')}")
    if error.get("hint"):
        lines.append(f"  hint: {error['hint']}")
    suggestions = error.get("suggestions", [])
    if suggestions:
        lines.append("  perhaps:" if len(suggestions) > 1 else "  perhaps")
        if len(suggestions) == 1:
            lines[-1] += f" {paint(suggestions[0], 'name')}"
        else:
            lines += [f"    {paint(suggestion, 'name')}" for suggestion in suggestions]
    report = error.get("report", {})
    lines += [f"  {key}: {_inline(value)}" for key, value in report.items()]
    return "\n".join(lines)


def _inline(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _help(result: Mapping[str, Any], paint: Paint) -> str:
    return result["text"]


def _list(result: Mapping[str, Any], paint: Paint) -> str:
    blocks = sorted(result["blocks"], key=lambda block: (block["family"], block["name"]))
    if not blocks:
        return "no block of the catalog is like that; `stitchgen list` prints all"
    width = max(len(block["name"]) for block in blocks)
    lines = []
    for family, members in groupby(blocks, key=lambda block: block["family"]):
        lines += ["", paint(family, "faint")]
        for block in members:
            name = paint(block["name"].ljust(width), "name")
            dims = "".join(f"{dims}" if dims in block["dims"] else "-" for dims in (1, 2, 3))
            year = (block.get("paper") or {}).get("year") or "    "
            lines.append(f"  {name}  {dims}d  {year}  {block['title']}")
    lines += ["", "stitchgen show BLOCK tells more of one"]
    return "\n".join(lines[1:])


_REPORTS: dict[str, Callable[[Mapping[str, Any], Paint], str]] = {
    "help": _help,
    "list": _list,
}
