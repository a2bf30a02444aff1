"""The user's command as it is run: the interpreter, the seed, the environment."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stitchgen.errors import StitchError, UsageError

SEED, RUN = "{seed}", "{run}"
#: Arguments of a script that take a seed.
SEED_ARGUMENTS = ("--seed", "--manual-seed", "--manual_seed", "--random-seed", "--random_seed")
#: The folder that makes Python import the runner.
RUNNER = Path(__file__).parent.parent / "runner" / "path"


@dataclass(frozen=True)
class Seeding:
    """How a run gets its seed: in the command, or set by the runner before the script's first line."""

    command: tuple[str, ...]
    by_runner: bool
    said: str


def seeding_of(command: Sequence[str], folder: Path) -> Seeding:
    """The command with `{seed}`, which is there, or goes to an argument that the script has."""
    words = tuple(command)
    if any(SEED in word for word in words):
        return Seeding(words, False, "the command takes it")
    for argument in _seed_arguments(words, folder):
        return Seeding((*words, argument, SEED), False, f"the script takes {argument}")
    return Seeding(words, True, "set before the script's first line")


def _seed_arguments(words: Sequence[str], folder: Path) -> list[str]:
    """The arguments of `add_argument` in the script that name a seed."""
    script = next((folder / word for word in words if word.endswith(".py")), None)
    if script is None or not script.is_file():
        return []
    try:
        syntax = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):
        return []
    found = []
    for node in ast.walk(syntax):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "add_argument":
                values = [one.value for one in node.args if isinstance(one, ast.Constant)]
                found += [value for value in values if value in SEED_ARGUMENTS]
    return found


def check_command(command: Sequence[str]) -> None:
    """Refuse what cannot be run as a training, before anything is planned."""
    for word in command:
        if word.endswith(".ipynb"):
            raise StitchError(
                "not-python",
                f"{word} is a notebook, which is no command",
                where=word,
                hint=f"make a script of it: jupyter nbconvert --to script {word}",
            )
    if shutil.which(command[0]) is None and command[0] not in ("python", "python3"):
        if os.path.sep not in command[0]:
            raise UsageError(
                "usage",
                f"there is no program {command[0]!r} to train with",
                hint="-- python train.py --seed {seed}",
            )


def words_for(command: Sequence[str], python: str, seed: int, run: Path) -> list[str]:
    """What is executed: `python` is the project's."""
    words = [word.replace(SEED, str(seed)).replace(RUN, str(run)) for word in command]
    if words[0] in ("python", "python3"):
        words[0] = python
    return words


def environment(
    outer: Mapping[str, str],
    *,
    python: str,
    root: Path,
    tree: Path,
    settings: Path,
    seed: int,
    threads: int,
    gpu: str | None,
) -> dict[str, str]:
    """The tree is first on the path, or an installed copy of the project would be trained instead."""
    former = [entry for entry in outer.get("PYTHONPATH", "").split(os.pathsep) if entry]
    moved = [
        str(tree / Path(one).relative_to(root)) if _below(one, root) else one for one in former
    ]
    paths = [str(RUNNER), str(tree), *([str(tree / "src")] if (tree / "src").is_dir() else [])]
    found = {
        **outer,
        "PYTHONPATH": os.pathsep.join([*paths, *moved]),
        "PYTHONHASHSEED": str(seed % 2**32),
        "PYTHONUNBUFFERED": "1",
        "STITCHGEN_RUN": str(settings),
        "OMP_NUM_THREADS": str(threads),
    }
    if os.path.dirname(python):
        found["PATH"] = os.path.dirname(python) + os.pathsep + outer.get("PATH", os.defpath)
    if gpu is not None:
        found["CUDA_VISIBLE_DEVICES"] = gpu
    return found


def _below(path: str, root: Path) -> bool:
    return Path(path).is_absolute() and Path(path).is_relative_to(root)


def supervisor(run: Path) -> list[str]:
    """The command that runs one run, wherever it is started."""
    return [sys.executable, "-m", "stitchgen", "sweep", "exec", str(run)]
