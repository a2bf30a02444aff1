"""What a command and the way out of it share: the project, the answer, a question for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click


@dataclass
class Conversation:
    """What a command and the way out of it share: click's context object."""

    interactive: bool  # stdin and stderr are terminals, and the answer is a text
    progress: bool = False  # stderr shows what is being done
    shows: bool = False  # stdout is a terminal as well, on which lines of code can be looked at
    question: str = ""  # asked after the report, where there are people
    consent: Callable[[], None] | None = None  # what a yes to it does


def current() -> Conversation:
    found: Conversation = click.get_current_context().obj
    return found


def note_that_the_model_runs() -> None:
    """A large model keeps people waiting for a minute; they should know for what."""
    if current().interactive and not current().progress:
        click.echo("running the model; Ctrl-C leaves everything as it is", err=True)


def offer_to_remember(project: Any, result: Mapping[str, Any], request: Any) -> None:
    """Options that were needed this time will be needed again; see `config.remembering`."""
    from stitchgen.project import config

    fresh = [splice["target"] for splice in result["splices"] if not splice.get("already")]
    [target, *_] = fresh or [""]
    change = config.remembering(project, target, request.builds, request.inputs)
    if not target or change is None:
        return

    def write() -> None:
        from stitchgen.project import transaction

        transaction.commit(project.root, [change])

    now = current()
    given = [("--build", request.builds), ("--input", request.inputs)]
    options = " and ".join(option for option, values in given if values)
    now.question = f"Write {options} into {change.path}, for the next time?"
    now.consent = write


def answer(outcome: Any, diff: bool, root: Path) -> Mapping[str, Any]:
    """The result of a command that writes, with its patch where `--diff` asks for one.

    git takes the names in a patch to be relative to the current folder, so they are, unless a file
    lies outside of it; then they are relative to the project's root, where the patch is to be
    applied.
    """
    result: Mapping[str, Any] = outcome.result
    from stitchgen.source import edits

    if not diff:
        # A command that tells its lines itself, `demo`, is left alone.
        if current().shows and "diff" not in result:
            edited = [one for one in outcome.changes if one.action == "edit" and is_code(one.path)]
            return {**result, "lines": edits.patch(edited).decode("utf-8", "replace")}
        return result

    here, root = Path.cwd().resolve(), root.resolve()
    # Weights are no text: the command itself writes them.
    texts = [change for change in outcome.changes if not change.path.endswith(".pt")]
    paths = [(root / change.path) for change in texts]
    folder = here if all(path.is_relative_to(here) for path in paths) else root
    changes = [
        replace(change, path=path.relative_to(folder).as_posix())
        for change, path in zip(texts, paths)
    ]
    repository = next((up for up in (folder, *folder.parents) if (up / ".git").exists()), folder)
    prefix = folder.relative_to(repository).as_posix() + "/" if folder != repository else ""
    patch = edits.patch(changes, prefix).decode("utf-8", "surrogateescape")
    return {**result, "patch": patch, "patch_folder": str(folder)}


def is_code(path: str) -> bool:
    """Whether people read a file: the ledger is none."""
    return not path.endswith(".lock")


def project_at(directory: str | None) -> Any:
    """The project, after a command that was killed here has been finished or rolled back."""
    from stitchgen.project import config

    project = config.find_project(directory)
    if (project.root / ".stitchgen").exists():
        from stitchgen.project import transaction

        transaction.recover(project.root)
    return project
