"""Metrics in TensorBoard's event files, which the training's own Python reads with its tensorboard."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from stitchgen.sweep.metrics.series import Unreadable

#: In the name of every event file.
MARK = ".tfevents."
PROGRAM = Path(__file__).parents[2] / "runner" / "tensorboard_events.py"
#: Of its exit status: there is no tensorboard.
NOT_INSTALLED = 3
WITHOUT_TENSORBOARD = "has no tensorboard to read it with"


def read(path: Path, python: str) -> dict[str, list[float]]:
    """The values of each tag, in the order of steps."""
    # Given as text: run by its path, it would put the runner's folder on the search path.
    words = [python, "-c", PROGRAM.read_text("utf-8"), str(path)]
    environment = {name: value for name, value in os.environ.items() if name != "STITCHGEN_RUN"}
    try:
        done = subprocess.run(words, capture_output=True, cwd=path.parent, env=environment)
    except OSError as error:
        raise Unreadable(f"needs {python}, which cannot be run: {error.strerror}") from error
    if done.returncode == NOT_INSTALLED:
        raise Unreadable(f"is TensorBoard's, and {python} {WITHOUT_TENSORBOARD}")
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unreadable(
            f"cannot be read by tensorboard: {said[-1] if said else 'it says nothing'}"
        )
    # NaN and Infinity are what Python's JSON writes and reads.
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found
