"""The tools of the server as command lines: what each is, its arguments, what is refused before it runs.

A tool is a command with `--json`, so that both say the same; it runs in a process of its own, in the
project's root. Nothing that is passed is taken for an option, and no path may lead out of the project.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError, UsageError
from stitchgen.targets.placement import PLACEMENTS

Json = dict[str, Any]

#: What the server says of itself to whoever connects.
INSTRUCTIONS = (
    "Puts published neural-network blocks into this project's PyTorch models, with proof that the edit is "
    "right. Find a block with list and show, a target with layers; add first shows the proven patch and "
    "writes it when the same call is made with apply=true. adopt copies the file of an installed model into the "
    "project, so that its layers are targets, too. After an edit of your own call prove. Every answer "
    "is the JSON of the command line; where ok is false, error.hint says what to do."
)
#: Arguments that are targets, and others that may name a file: they may lead out of the project.
TARGETS = (*PLACEMENTS, "with_", "into")
FILES = ("fits", "base", "to", "scripts")
#: Arguments that are options with a value, or with several.
OPTIONS = (
    *("family", "layout", "dims", "search", *TARGETS, "every", "fuse", "settings", "name"),
    *("channels", "depth", "build", "input", *FILES),
)
#: Those whose option has another name.
OPTION_NAMES = {"with_": "with", "settings": "set", "scripts": "in"}
FLAGS = {"source": "--source", "gate": "--gate", "dry_run": "--dry-run", "diff": "--diff"}
#: Those that are no option: they stand at the end. A module is no path.
POSITIONAL = ("block", "model", "module")


class Tools:
    """The tools of one project, as one session has them: what it has seen it may apply."""

    def __init__(self, root: Path):
        self.root = root.resolve()
        #: The calls of tools that write, with their arguments, that were proven and shown.
        self.shown: set[str] = set()

    def command_line(self, command: str, arguments: Mapping[str, Any]) -> list[str]:
        """The words of a command; raises StitchError for what is refused before it runs."""
        for name in (*POSITIONAL[:-1], *TARGETS, *FILES):
            for text in texts(arguments.get(name)):
                self.check_inside(text)
        words = [command, "--json", f"--project={self.root}"]
        for name in OPTIONS:
            option = OPTION_NAMES.get(name, name)
            words += [f"--{option}={text}" for text in texts(arguments.get(name))]
        words += [option for name, option in FLAGS.items() if arguments.get(name)]
        last = [text for name in POSITIONAL for text in texts(arguments.get(name))]
        return [*words, "--", *last] if last else words

    def check_inside(self, text: str) -> None:
        """Refuse a path that leads out of the project: `FILE::Class.layer`, a folder, a file."""
        path = Path(text.partition("::")[0]).expanduser()
        inside = (self.root / path).resolve().is_relative_to(self.root)
        if not inside or ".." in path.parts:
            raise StitchError(
                "bad-argument",
                f"{text} lies outside of the project {self.root}",
                hint="Name a file of the project by its path below the root.",
            )

    def check_shown(self, command: str, arguments: Mapping[str, Any]) -> None:
        """Refuse to write what was not shown before."""
        if key_of(command, arguments) not in self.shown:
            raise UsageError(
                "usage",
                f"{command} with apply=true writes what the same call has shown before",
                hint=f"call {command} with the same arguments and apply=false, look at the patch, then apply it",
            )

    def note_shown(self, command: str, arguments: Mapping[str, Any], answer: Json) -> None:
        if answer.get("ok"):
            self.shown.add(key_of(command, arguments))


def texts(value: Any) -> list[str]:
    """The values of an option: none, one, or several."""
    if value is None or value == "":
        return []
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else [str(value)]


def key_of(command: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps([command, arguments], sort_keys=True, default=str)


def refused(error: StitchError) -> Json:
    """A refusal as the command line prints it."""
    return {"ok": False, "error": error.as_dict()}


def answer_of(output: bytes, status: int | None, errors: Sequence[str] = ()) -> Json:
    """The one object that a command printed."""
    try:
        answer: Json = json.loads(output)
        return answer
    except ValueError:
        last = " ".join(errors).strip()
        message = f"the command ended with status {status} and no answer" + (
            f": {last}" if last else ""
        )
        return refused(StitchError("internal", message, hint="please report this"))
