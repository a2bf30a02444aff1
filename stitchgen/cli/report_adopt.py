"""What a person reads of a copied model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stitchgen.cli.report_parts import Paint, count, fact, files, inline, last_words, names

#: So many constructions are named.
NAMED = 4


def adopt(result: Mapping[str, Any], paint: Paint) -> str:
    package, proof = result["package"], result["proof"]
    of = " ".join(filter(None, (package["name"], package["version"])))
    licence = f" ({package['licence']})" if package["licence"] else ""
    lines = [f"{paint(result['module'], 'name')} of {of}{licence}: {paint(result['path'], 'name')}"]
    lines += files(result, paint)
    if proof:
        lines.append(
            fact("proven", f"the same model: {names(proof['laws'])}", paint("proven", "good"))
        )
        lines.append(fact("build", few(proof["build"])))
        if proof["keys_only"]:
            lines.append(fact("keys", f"equal in {few(proof['keys_only'])} as well"))
        if proof["not_proven"]:
            lines.append(fact("not proven", few(proof["not_proven"])))
        if proof["imports"]:
            lines.append(
                fact("imports", names([*dict.fromkeys(i["from"] for i in proof["imports"])]))
            )
        lines.append(fact("input", inline(proof["input"])))
        lines += [fact("note", note) for note in proof["notes"]]
    if result["files"] and result["left_out"]:
        left = [f"{name} ({count(times, 'time')})" for name, times in result["left_out"].items()]
        lines.append(fact("left out", names(left)))
    lines += [fact("note", note) for note in result["notes"]]
    if result["files"] and not result["dry_run"] and "patch" not in result:
        lines.append(f"now: stitchgen layers {result['path']}")
    return "\n".join([*lines, *last_words(result)])


def few(values: Sequence[str]) -> str:
    rest = f" and {len(values) - NAMED} more" if len(values) > NAMED else ""
    return names(list(values[:NAMED])) + rest
