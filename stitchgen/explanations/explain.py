"""`stitchgen explain`: what a code means, an example that leads to it, and what to do."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import Any

from stitchgen.errors import UsageError
from stitchgen.explanations.entries import Explanation, explanations

LANGUAGES = ("en", "zh")


def run(code: str | None, language: str | None = None) -> dict[str, Any]:
    """The object of `--json`: one explanation, or all codes where none is named."""
    language = language or of_locale()
    chinese = language == "zh"
    known, parts = explanations()
    if code is None:
        return {
            "ok": True,
            "command": "explain",
            "lang": language,
            "parts": [
                {
                    "title": part.title_zh if chinese else part.title,
                    "codes": {name: known[name].text(chinese=chinese)[0] for name in part.codes},
                }
                for part in parts
            ],
        }
    if code not in known:
        raise UsageError(
            "bad-argument",
            f"there is no code {code!r}",
            hint="stitchgen explain lists all codes",
            suggestions=[f"stitchgen explain {name}" for name in get_close_matches(code, known)],
        )
    means, do = known[code].text(chinese=chinese)
    return {
        "ok": True,
        "command": "explain",
        "lang": language,
        "code": code,
        "kind": known[code].kind,
        "means": means,
        "do": do,
        "example": {"files": known[code].files, "commands": list(known[code].commands)},
    }


def of_locale() -> str:
    """The language that the environment asks for, where it is spoken here."""
    found = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, found), "").lower().startswith("zh") else "en"


def page(language: str) -> str:
    """All explanations as a page of the documentation, in Markdown."""
    chinese = language == "zh"
    known, parts = explanations()
    lines = ["# 错误与警告代码" if chinese else "# Codes of errors and warnings"]
    for part in parts:
        lines += ["", f"## {part.title_zh if chinese else part.title}"]
        for code in part.codes:
            lines += ["", f"### `{code}`", "", *_section(known[code], chinese=chinese)]
    return "\n".join(lines) + "\n"


def _section(one: Explanation, *, chinese: bool) -> list[str]:
    means, do = one.text(chinese=chinese)
    lines = [means, "", f"**{'处理' if chinese else 'What to do.'}** {do}"]
    if not one.commands:
        return lines
    lines += ["", "示例" if chinese else "An example:"]
    for path, text in one.files.items():
        kind = {"py": "python", "toml": "toml"}.get(path.rpartition(".")[2], "text")
        lines += ["", f'```{kind} title="{path}"', text.rstrip("\n"), "```"]
    return [*lines, "", "```sh", *one.commands, "```"]
