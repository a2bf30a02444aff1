"""The README says what is so. `python tests/test_readme.py` writes its table of error codes."""

import re
from pathlib import Path

from stitchgen.cli import main
from stitchgen.errors import CODES

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CODES_TABLE = re.compile(r"(?<=<!-- codes -->\n).*?(?=<!-- end of codes -->)", re.DOTALL)


def codes_table() -> str:
    rows = [f"| `{code}` | {meaning} |" for code, meaning in sorted(CODES.items())]
    return "\n".join(["| code | meaning |", "| --- | --- |", *rows, ""])


def test_the_table_of_error_codes_is_the_list_in_the_source():
    [written] = CODES_TABLE.findall(README.read_text("utf-8"))
    assert written == codes_table(), "python tests/test_readme.py writes it"


def test_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^```sh\n(.*?)```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    [test_command] = [command for command in commands if "pytest" in command]
    assert test_command in (ROOT / ".ci" / "run").read_text("utf-8")


def test_every_command_that_the_readme_shows_exists():
    text = README.read_text("utf-8")
    assert set(re.findall(r"`stitchgen ([a-z-]+)", text)) <= set(main.cli.commands)


if __name__ == "__main__":
    text = README.read_text("utf-8")
    README.write_text(CODES_TABLE.sub(lambda _: codes_table(), text), "utf-8")
