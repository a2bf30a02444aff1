"""What `init` reports, as text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from stitchgen.cli.report_parts import Paint, fact, files, last_words


def init(result: Mapping[str, Any], paint: Paint) -> str:
    chosen = result["choices"]
    words = [chosen["model"], chosen["data"], chosen["optimizer"], f"{chosen['schedule']} schedule"]
    words += ["two heads"] if chosen["tasks"] == 2 else []
    words += ["distillation"] if chosen["distill"] else []
    lines = [
        f"{paint(result['folder'], 'name')}: {', '.join(words)}",
        *files(result, paint),
    ]
    if result["dry_run"]:
        return "\n".join([*lines, *last_words(result)])
    needs = "torch and scikit-learn" if chosen["data"] == "digits" else "torch and torchvision"
    if chosen["data"] == "folder" and chosen["model"] == "cnn1d":
        needs = "torch and numpy"
    lines += [
        "",
        fact("now", f"cd {shlex.quote(result['folder'])}"),
        fact("needs", f"{needs} in the active environment; README.md tells the rest"),
        fact("train", "python train.py"),
        fact("compare", "stitchgen sweep"),
    ]
    return "\n".join(lines)
