"""The interpreter is imported where a model is read, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOADED = "import json, sys, {}; print(json.dumps(sorted(sys.modules)))"


@pytest.mark.parametrize(
    "module",
    "factories uses element_uses scope spans project_scopes import_safety facts steps subject "
    "runtime_backend".split(),
)
def test_finding_factories_and_uses_needs_no_interpreter(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(f"stitchgen.analysis.{module}")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    loaded = json.loads(done.stdout)
    assert f"stitchgen.analysis.{module}" in loaded
    assert [name for name in loaded if name.startswith("stitchgen.analysis.static")] == []
