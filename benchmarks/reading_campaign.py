"""Random layers of public model files, asked for with `--no-prove`: served or refused, never a crash.

    python benchmarks/reading_campaign.py --requests 1000 --seed 1

The files are those of installed packages (timm, torchvision, pytorchcv, transformers; what is missing is left out), each copied
alone into a project of its own. A request is `stitchgen add BLOCK --PLACEMENT file.py::Class.attribute --no-prove`, for a random
attribute that a constructor assigns. Judged is what needs no model to run: the exit status is that of an answer or of a refusal
with a code and a hint, never 70; what was edited compiles; a refusal leaves every byte as it was, and so does `undo`. The exit
status is 1 where a request failed; those are printed as they are typed.
"""

from __future__ import annotations

import argparse
import ast
import collections
import contextlib
import importlib.util
import io
import json
import os
import random
import sys
import tempfile
from pathlib import Path

from stitchgen.catalog import folders
from stitchgen.cli import main as command_line

PACKAGES = (
    "timm.models",
    "timm.layers",
    "torchvision.models",
    "pytorchcv.models",
    "transformers.models",
)
PLACEMENTS = ("after", "after", "after", "before", "beside", "replace")
#: Longer files take long to read, and hold more of the same.
LONGEST = 120_000


def model_files() -> list[Path]:
    """The files of the installed packages, in a fixed order."""
    found: list[Path] = []
    for package in PACKAGES:
        with contextlib.suppress(ImportError):
            spec = importlib.util.find_spec(package)
            for folder in (spec.submodule_search_locations or ()) if spec else ():
                found += sorted(Path(folder).rglob("*.py"))
    return [path for path in found if path.stat().st_size < LONGEST]


def layers(tree: ast.Module) -> list[str]:
    """`Class.attribute` for each attribute that a constructor assigns a call to."""
    return [
        f"{owner.name}.{target.attr}"
        for owner in tree.body
        if isinstance(owner, ast.ClassDef)
        for method in owner.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        for node in ast.walk(method)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and target.value.id == "self"
    ]


def tree_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def typed(words: list[str]) -> tuple[int, str]:
    """Exit status and standard output of a command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        status = command_line.run(words)
    return status, out.getvalue()


def fault(root: Path, words: list[str]) -> tuple[str, str]:
    """What is wrong with how a request was answered ("" for nothing), and the answer in a word."""
    before = tree_of(root)
    status, out = typed([*words, "--json"])
    try:
        answer = json.loads(out)
    except ValueError:
        return f"exit {status}, and no JSON: {out[:200]!r}", "no JSON"
    after = tree_of(root)
    if status == 0:
        for name, raw in after.items():
            if raw != before.get(name) and name.endswith(".py"):
                try:
                    compile(raw, name, "exec")
                except SyntaxError as error:
                    return f"{name} does not compile: {error}", "served"
        status, out = typed(["undo", "--json"])
        if status or tree_of(root) != before:
            return f"undo gives {status} and leaves something else: {out[:300]}", "served"
        return "", "served"
    code = answer.get("error", {}).get("code", "")
    if after != before:
        return f"refused ({code}), and something was written", code
    if status not in (1, 2) or not code or code == "internal":
        return f"exit {status}: {answer.get('error')}", code or "no code"
    return "", code


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    files, blocks = model_files(), sorted(folders.load())
    answers: collections.Counter[str] = collections.Counter()
    faults = done = 0
    while done < options.requests and files:
        source = chance.choice(files)
        try:
            raw = source.read_bytes()
            found = layers(ast.parse(raw))
        except (SyntaxError, ValueError):
            continue
        if not found:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            root = Path(scratch)
            (root / "pyproject.toml").touch()
            (root / source.name).write_bytes(raw)
            os.chdir(root)
            words = ["add", chance.choice(blocks), f"--{chance.choice(PLACEMENTS)}"]
            words += [f"{source.name}::{chance.choice(found)}", "--no-prove"]
            wrong, answer = fault(root, words)
            os.chdir(tempfile.gettempdir())
        done += 1
        answers[answer] += 1
        if wrong:
            faults += 1
            print(f"{source}: stitchgen {' '.join(words)}\n    {wrong}", flush=True)
    for answer, count in answers.most_common():
        print(f"{count:6} {answer}")
    print(f"{done} requests, {faults} answered wrongly")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
