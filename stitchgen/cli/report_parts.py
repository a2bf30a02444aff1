"""What the reports share: facts, files, warnings, last words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import Any

Paint = Callable[[str, str], str]

NOT_PROVEN = "not-proven"
#: So many warnings of one kind are shown one by one.
MOST_WARNINGS = 5
#: The width of a paragraph: terminals have 80 columns.
PARAGRAPH = 79
#: What makes colour on a terminal, and has no width.
ESCAPE = re.compile(r"\x1b\[[\d;]*m")
#: How lines of sentences and lists begin. Hints are left alone: they hold commands, which are copied.
PROSE = re.compile(
    r"warning |error\[|  (?=[a-z ]{11} \S)"
    r"(?:proven|not proven|read by|build|built|holds in|imports|unchanged|keys|note) +"
)
#: What is not broken: a word, and code between backticks.
WORD = re.compile(r"(?:`[^`]*`|[^ ])+")


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
        PARAGRAPH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def folded(text: str, columns: int) -> str:
    """A report on a terminal that is so wide: sentences are broken between words, and indented."""
    return "\n".join(part for line in text.split("\n") for part in _folded_line(line, columns))


def _folded_line(line: str, columns: int) -> list[str]:
    visible = ESCAPE.sub("", line)
    match = PROSE.match(visible)
    if match is None or len(visible) <= columns:
        return [line]
    head = match.group()
    indent = "  " if head == "error[" else " " * len(head)
    start = _index_of_column(line, len(head))
    first, *words = WORD.findall(line[start:])
    lines, used = [line[:start] + first], len(head) + len(ESCAPE.sub("", first))
    for word in words:
        width = len(ESCAPE.sub("", word))
        if used + 1 + width > columns:
            lines.append(indent + word)
            used = len(indent) + width
        else:
            lines[-1] += " " + word
            used += 1 + width
    return lines


def _index_of_column(line: str, column: int) -> int:
    """Where a column begins in a line with codes of colour."""
    index = seen = 0
    while seen < column:
        code = ESCAPE.match(line, index)
        index, seen = (code.end(), seen) if code else (index + 1, seen + 1)
    return index


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
