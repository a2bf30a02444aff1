"""The READMEs say what is so. `python tests/test_readme.py` writes their tables of error codes."""

import re
from pathlib import Path

import pytest

from stitchgen.cli import main
from stitchgen.errors import CODES
from stitchgen.explanations.entries import explanations
from stitchgen.pipeline.proof import CHECKS
from stitchgen.targets.placement import PLACEMENTS

ROOT = Path(__file__).parent.parent
README, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
CODES_TABLE = re.compile(r"(?<=<!-- codes -->\n).*?(?=<!-- end of codes -->)", re.DOTALL)
CODE_BLOCK = re.compile(r"^```\w*\n.*?^```$", re.MULTILINE | re.DOTALL)


def codes_table(readme: Path) -> str:
    if readme == CHINESE:
        heads, meanings = "| 代码 | 含义 |", {
            code: explanations()[0][code].means_zh for code in CODES
        }
    else:
        heads, meanings = "| code | meaning |", CODES
    rows = [f"| `{code}` | {meaning} |" for code, meaning in sorted(meanings.items())]
    return "\n".join([heads, "| --- | --- |", *rows, ""])


@pytest.mark.parametrize("readme", [README, CHINESE], ids=lambda path: path.name)
def test_the_table_of_error_codes_is_the_list_in_the_source(readme):
    [written] = CODES_TABLE.findall(readme.read_text("utf-8"))
    assert written == codes_table(readme), "python tests/test_readme.py writes it"


@pytest.mark.parametrize("readme", [README, CHINESE], ids=lambda path: path.name)
def test_the_numbered_checks_are_those_of_the_proof(readme):
    items = re.findall(r"^\d\. .*", readme.read_text("utf-8"), re.MULTILINE)
    assert len(items) == len(CHECKS)
    for number, (item, check) in enumerate(zip(items, CHECKS), 1):
        assert item.startswith(f"{number}. ") and re.search(rf"\W{check}\W", item)


@pytest.mark.parametrize("readme", [README, CHINESE], ids=lambda path: path.name)
def test_every_placement_has_a_row(readme):
    rows = set(re.findall(r"^\| `--(\w+) T\b", readme.read_text("utf-8"), re.MULTILINE))
    assert rows == PLACEMENTS.keys()


def test_ci_runs_the_test_command_of_the_readme():
    commands = re.findall(r"^```sh\n(.*?)```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    [test_command] = [command for command in commands if "pytest" in command]
    assert test_command in (ROOT / ".ci" / "run").read_text("utf-8")


@pytest.mark.parametrize("readme", [README, CHINESE], ids=lambda path: path.name)
def test_every_command_that_the_readme_shows_exists(readme):
    text = readme.read_text("utf-8")
    assert set(re.findall(r"`stitchgen ([a-z-]+)", text)) <= set(main.cli.commands)


def outline(text: str) -> list[tuple[str, int]]:
    """Headings by their level, tables by their rows and columns, lists by their items, and code: in their order."""
    found: list[tuple[str, int]] = []
    for line in CODE_BLOCK.sub("<code>", text).splitlines():
        if line == "<code>":
            found.append(("code", 0))
        elif heading := re.match(r"#+ ", line):
            found.append(("heading", len(heading[0])))
        elif line.startswith("|"):
            found.append(("row", len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line)))))
        elif item := re.match(r"- |\d\. ", line):
            found.append((item[0], 0))
    return found


def test_the_chinese_readme_is_whole():
    english, chinese = README.read_text("utf-8"), CHINESE.read_text("utf-8")
    assert CODE_BLOCK.findall(chinese) == CODE_BLOCK.findall(english)
    assert outline(chinese) == outline(english)
    pages = re.compile(
        r"\]\((?:docs/zh/|docs/)?([^)#]+)\)"
    )  # each links the other, and its own anchors
    others = {"README.md", "README.zh.md"}
    assert set(pages.findall(chinese)) - others == set(pages.findall(english)) - others


@pytest.mark.parametrize("readme", [README, CHINESE], ids=lambda path: path.name)
def test_what_the_readme_links_is_there(readme):
    text = readme.read_text("utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists(), link
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        headings = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in titles}
        assert not anchor or anchor in headings, link


if __name__ == "__main__":
    for readme in (README, CHINESE):
        text = readme.read_text("utf-8")
        readme.write_text(CODES_TABLE.sub(lambda _: codes_table(readme), text), "utf-8")
