"""What a command does not need it does not load. Modules are looked at, since times vary."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x)
"""
HEAVY = {"jinja2", "libcst", "black", "torch", "importlib.metadata", "rich", "filelock"}

PROGRAM = """
import json, sys
before = set(sys.modules)
from stitchgen.cli.main import run
status = run(json.loads(sys.argv[1]))
print(json.dumps([status, sorted(set(sys.modules) - before)]), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(arguments)], capture_output=True, text=True
    )
    status, modules = json.loads(done.stderr.splitlines()[-1])
    assert status == 0, done.stdout + done.stderr
    return set(modules)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["add", "--help"], ["list"], ["list", "--json"]],
    ids=" ".join,
)
def test_a_light_command_loads_nothing_heavy(arguments):
    assert loaded(*arguments) & HEAVY == set()


def test_help_loads_options_and_nothing_that_does_the_work():
    packages = {name.split(".")[1] for name in loaded("--help") if name.startswith("stitchgen.")}
    assert packages == {"cli", "commands", "errors", "fusions"}


def test_what_reads_yaml_is_loaded_for_yaml_alone():
    program = "import sys, stitchgen.pipeline.splice; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    modules = set(done.stdout.split())
    assert not {name for name in modules if name.startswith(("stitchgen.yolo", "yaml"))}


def test_what_only_reads_sources_does_not_load_what_edits_them(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    loaded_here = loaded("layers", "net.py", "--no-prove", "--project", str(tmp_path))
    assert loaded_here & {"libcst", "black", "jinja2"} == set()
    assert loaded("status", "--project", str(tmp_path)) & {"libcst", "black", "jinja2"} == set()
