"""What a person reads of what was put where, and of what becomes of it: status, remove, undo, ..."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stitchgen.cli.report_parts import Paint, count, files, last_words, paragraph, warnings


def undo(result: Mapping[str, Any], paint: Paint) -> str:
    lines = [f"taken back: {paint(result['undone'], 'name')}", *files(result, paint)]
    return "\n".join([*lines, *warnings(result, paint), *last_words(result)])


def remove(result: Mapping[str, Any], paint: Paint) -> str:
    lines = []
    for splice in result["splices"]:
        also = ", which depends on it" if splice["cascade"] else ""
        what = f"{splice['block']} at {splice['target']}: {paint(splice['attribute'], 'name')}"
        lines.append(f"removed: {what}{also}")
    lines += [*files(result, paint), *warnings(result, paint), *last_words(result)]
    return "\n".join(lines)


_MERGED = {
    "current": "is as the catalog has it, or edited by you alone",
    "updated": "taken over from the catalog",
    "merged": "merged with your edits",
    "resolved": "the resolved merge is recorded",
}


def update(result: Mapping[str, Any], paint: Paint) -> str:
    lines = []
    for file in result["files"]:
        said = _MERGED.get(file["state"])
        if said is None:
            said = f"{count(file['conflicts'], 'conflict')} with your edits: keep what is right, "
            said += f"take the marks out, then: stitchgen update {file['block']}"
        role = "error" if file["state"] == "conflict" else "good"
        state = paint(file["state"].ljust(8), role)
        lines.append(f"{state}  {paint(file['path'], 'name')}: {said}")
    lines += warnings(result, paint)
    if not result["files"]:
        lines.append("no block file is recorded here")
    return "\n".join([*lines, *(last_words(result) if result["dry_run"] else [])])


def diff(result: Mapping[str, Any], paint: Paint) -> str:
    changed = {"update": "what update would change", "upstream": "what the catalog has changed"}
    what = changed.get(result["side"], "what you have changed")
    where = f", in {result['patch_folder']}" if result["patch"] else ": nothing"
    return "\n".join([*warnings(result, paint), what + where])


def explain(result: Mapping[str, Any], paint: Paint) -> str:
    chinese = result["lang"] == "zh"
    if "parts" in result:
        width = max(len(code) for part in result["parts"] for code in part["codes"])
        lines = []
        for part in result["parts"]:
            lines += ["", paint(part["title"], "faint")]
            for code, means in part["codes"].items():
                first, *rest = paragraph(means, " " * (width + 4))
                lines += [f"  {paint(code.ljust(width), 'name')}  {first.lstrip()}", *rest]
        return "\n".join(lines[1:])
    lines = [paint(result["code"], "name"), "", *paragraph(result["means"], "")]
    example = result["example"]
    if example["commands"]:
        lines += ["", paint("示例" if chinese else "an example", "faint")]
        for path, text in example["files"].items():
            lines += [f"  {paint(path, 'name')}"]
            lines += [f"    {line}".rstrip() for line in text.splitlines()]
        lines += [f"  $ {command}" for command in example["commands"]]
    lines += ["", paint("处理" if chinese else "what to do", "faint")]
    return "\n".join([*lines, *paragraph(result["do"], "  ")])


def check(result: Mapping[str, Any], paint: Paint) -> str:
    lines = []
    for fault in result["drift"]:
        lines += [
            f"{paint('drift', 'error')} {paint(fault['where'], 'name')}: {fault['message']}",
            f"  hint: {fault['hint']}",
        ]
    lines += [f"{paint('note', 'faint')} {note['message']}" for note in result["notes"]]
    counts = f"{count(result['splices'], 'splice')} in {count(len(result['files']), 'file')}"
    return "\n".join([*lines, f"{counts}: {'as recorded' if result['ok'] else 'not as recorded'}"])


def status(result: Mapping[str, Any], paint: Paint) -> str:
    roles = {"conflict": "error", "missing": "error", "outdated": "warning", "edited": "warning"}
    rows = [
        (one["state"], f"{one['target']} {paint(one['attribute'], 'name')}", one.get("detail"))
        for one in result["splices"]
    ]
    rows += [
        (one["state"], paint(one["path"], "name"), one.get("detail")) for one in result["files"]
    ]
    lines = []
    for state, what, detail in rows:
        lines.append(f"{paint(state.ljust(8), roles.get(state, 'good'))}  {what}")
        lines += paragraph(detail, " " * 10) if detail else []
    if any(one["state"] == "outdated" for one in result["files"]):
        lines.append("stitchgen diff shows what is newer, stitchgen update --all merges it")
    return "\n".join(lines) if lines else "nothing is recorded here: stitchgen has added nothing"
