"""The process itself: what it leaves on the disk."""

import os
import shutil
import subprocess
from pathlib import Path

from stitchgen import observer

SOURCE = Path(observer.__file__).parent


def test_its_own_modules_are_compiled_once_and_nothing_of_the_project(tmp_path, python):
    """A wheel that uv installs has no compiled files, and each command starts the process anew."""
    package = tmp_path / "installed" / "stitchgen"
    shutil.copytree(SOURCE, package / "observer", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    project = tmp_path / "project"
    project.mkdir()
    (project / "model.py").write_text("import part\n")
    (project / "part.py").touch()
    done = subprocess.run(
        [python, str(package / "observer" / "__main__.py")],
        input='{"op": "survey", "path": "%s"}\n' % (project / "model.py"),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert '"ok": true' in done.stdout, done.stderr
    compiled = {path.name.partition(".")[0] for path in package.rglob("*.pyc")}
    assert {"operations", "guard"} <= compiled
    assert {path.name for path in project.iterdir()} == {"model.py", "part.py"}
