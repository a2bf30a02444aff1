"""What the reports share: facts, files, warnings, last words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import Any

Paint = Callable[[str, str], str]

NOT_PROVEN = "not-proven"
#: So many warnings of one kind are shown one by one.
MOST_WARNINGS = 5


def plain(text: str, role: str) -> str:
    """The paint of a pipe: none."""
    return text


def painted(diff: Sequence[str], paint: Paint) -> list[str]:
    """The lines of a patch in colour."""
    roles = {"+": "good", "-": "error", "@": "faint"}
    return [paint(line, roles[line[0]]) if line[:1] in roles else line for line in diff]


def diff_lines(patch: str, paint: Paint) -> list[str]:
    """A patch as people read it on the way: each place by its file and line, then a blank line."""
    lines: list[str] = []
    path = ""
    for line in patch.split("\n"):
        if line.startswith("--- "):
            path = line[4:].rstrip("\t").removeprefix("a/")
        elif line.startswith("@@ "):
            number = line.split("+")[1].split(" ")[0].split(",")[0]
            lines.append(paint(f"{path}:{number}", "faint"))
        elif line and not line.startswith("+++ "):
            lines += painted([line.rstrip("\r")], paint)
    return [*lines, ""] if lines else []


def inline(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def paragraph(text: str, indent: str) -> list[str]:
    """Wrapped between words, so that addresses can be clicked on."""
    return wrap(
        text,
        96,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def files(result: Mapping[str, Any], paint: Paint) -> list[str]:
    return [fact(file["action"], paint(file["path"], "name")) for file in result["files"]]


def warnings(result: Mapping[str, Any], paint: Paint) -> list[str]:
    lines = []
    shown: Counter[str] = Counter()
    for warning in result.get("warnings", []):
        if warning["code"] == NOT_PROVEN:
            continue  # said in place of the proof
        shown[warning["code"]] += 1
        if shown[warning["code"]] > MOST_WARNINGS:
            continue
        where = f"{paint(warning['where'], 'name')}: " if warning.get("where") else ""
        lines.append(f"{paint('warning', 'warning')} {where}{warning['message']}")
        if warning.get("hint"):
            lines.append(f"  hint: {warning['hint']}")
    for code, count in shown.items():
        if count > MOST_WARNINGS:
            more = f"{count - MOST_WARNINGS} more of {code}: --json lists them"
            lines.append(f"{paint('warning', 'warning')} {more}")
    return lines


def table(rows: Sequence[Sequence[str]], paint: Paint) -> list[str]:
    """Columns under a faint head, the first of them with the names."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        line = "  ".join(cells).rstrip()
        if number == 0:
            lines.append(paint(line, "faint"))
        else:
            lines.append(paint(cells[0], "name") + line[len(cells[0]) :])
    return lines


def last_words(result: Mapping[str, Any]) -> list[str]:
    if "patch" in result:
        return [f"nothing was written; the patch is for `git apply` in {result['patch_folder']}"]
    if result.get("dry_run"):
        return ["nothing was written (dry run)"]
    if not result["files"]:
        return ["nothing to do"]
    return (
        []
        if result["command"] in ("undo", "remove", "new-module")
        else ["stitchgen undo takes it back"]
    )


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def fact(name: str, text: str, painted: str | None = None) -> str:
    return f"  {painted or name}{' ' * (12 - len(name))}{text}"


def names(values: object) -> str:
    return ", ".join(map(str, values)) if isinstance(values, (list, tuple)) else str(values)
