"""What a proof on this machine does not show of a YOLO: how it trains elsewhere, and who else reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stitchgen.analysis.subject import installed_packages
from stitchgen.project.transaction import read_bytes
from stitchgen.yolo.files import BUILDERS

Warning = Mapping[str, str]

#: Poolings to a given size: how many pixels each result has is not the same, and adding their gradients up
#: on a GPU has no fixed order. To one pixel, the mean is an ordinary one, and the largest still is not.
POOLINGS = {"adaptiveavgpool": True, "adaptivemaxpool": False}


def poolings(source: bytes) -> Iterator[tuple[int, str]]:
    """The lines at which a block pools to a size in a way that has no deterministic gradient on a GPU."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        short = name.replace("_", "").lower().rstrip("123d")
        if short not in POOLINGS:
            continue
        position = 1 if "_" in name else 0  # the function is given the tensor first
        sizes = [*node.args[position : position + 1], *(one.value for one in node.keywords)]
        if not (POOLINGS[short] and sizes and ast.unparse(sizes[0]) in ("1", "(1, 1)")):
            yield node.lineno, name


def not_deterministic(source: bytes, path: str) -> list[Warning]:
    """That the trainers, which ask for deterministic operations, will not have them."""
    for line, name in poolings(source):
        return [
            {
                "code": "not-deterministic",
                "where": f"{path}:{line}",
                "message": f"{name} has no deterministic gradient on a GPU, which Ultralytics asks for",
                "hint": "Train with deterministic=False, or choose a block without it.",
            }
        ]
    return []


def other_package(builder: Path | None, root: Path, python: str) -> list[Warning]:
    """That another Ultralytics is installed, and who imports that one."""
    packages = installed_packages(python)
    if builder is None or packages is None or builder != root / BUILDERS[0]:
        return []
    other = packages / BUILDERS[0]
    if not other.is_file() or other.resolve() == builder.resolve():
        return []
    return [
        {
            "code": "two-packages",
            "where": str(builder.relative_to(root)),
            "message": f"{python} has another Ultralytics, {other.parents[1]}: the command `yolo`, and "
            "scripts in other folders, import that one, where the edit has no effect",
            "hint": "Run scripts that stand beside this ultralytics/, or install it: pip install -e .",
        }
    ]


def old_checkpoints(root: Path, edited: Sequence[str]) -> list[Warning]:
    """That checkpoints which hold whole models lack what an edited class sets in its constructor."""
    own = [root / name for name in BUILDERS if (root / name).is_file()]
    if not any(b"def parse_model(" in read_bytes(path) for path in own):
        return []
    return [
        {
            "code": "old-checkpoints",
            "where": path,
            "message": "checkpoints of this repository hold whole models: those that were saved before "
            "lack the new attribute, and no longer run",
            "hint": "Load their state_dict into a new model; or put the block into a row of the YAML: "
            "--after model.yaml::model.9",
        }
        for path in edited[:1]
    ]
