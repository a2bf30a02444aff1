"""Where the observer reads its requests: standard input, or a file while a debugger has that."""

import subprocess
import sys

import pytest

PROGRAM = """
import os
import sys

from stitchgen.observer import __main__ as observer

observer.serve = lambda lines, answers: print(list(lines), os.read(0, 99), file=sys.stderr)
observer.main()
"""


@pytest.mark.parametrize("of_a_file", [True, False])
def test_a_file_of_requests_leaves_standard_input_alone(of_a_file, tmp_path):
    file = tmp_path / "asked.jsonl"
    file.write_text("one\ntwo\n")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *([str(file)] if of_a_file else [])],
        input="typed\n",
        capture_output=True,
        text=True,
        check=True,
    )
    asked, left = (["one\n", "two\n"], b"typed\n") if of_a_file else (["typed\n"], b"")
    assert done.stderr == f"{asked} {left}\n"
    assert done.stdout == ""
