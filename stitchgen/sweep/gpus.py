"""The GPUs of this machine, a slot for a run each (`--jobs gpu`)."""

from __future__ import annotations

import os
import subprocess

from stitchgen.errors import UsageError

ASKED = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")


def gpus() -> tuple[str, ...]:
    """Those that the user has made visible, else all that the driver lists; raises UsageError for none."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        found = [one.strip() for one in visible.split(",") if one.strip() not in ("", "-1")]
        why = f"CUDA_VISIBLE_DEVICES is {visible!r}"
    else:
        found, why = listed()
    if not found:
        raise UsageError("usage", f"--jobs gpu finds no GPU here: {why}", hint="--jobs 2")
    return tuple(found)


def listed() -> tuple[list[str], str]:
    try:
        done = subprocess.run(ASKED, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi: {getattr(error, 'strerror', None) or error}"
    said = (done.stderr or done.stdout).strip().splitlines()
    return (done.stdout.split() if done.returncode == 0 else []), said[0] if said else "none"
