"""Pages of the documentation as a reader follows them: files are written, commands typed, outputs compared.

A code block with a title is a file of the project. A block `sh` is typed, line by line. A block `text` is what the last
command printed, `diff` what the last block of commands changed; `...` stands for any lines. A command that ends with another
exit status than 0 says so behind it: `# exit status 1`. A comment `<!-- not run: why -->` before a block leaves it out.
"""

from __future__ import annotations

import difflib
import io
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from stitchgen.cli import main

FENCE = re.compile(
    r"(?P<left_out><!-- not run: [^>]* -->\n)?^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
EXIT_STATUS = re.compile(r"# exit status (\d+)$")
SCRIPTS = Path(__file__).with_name("fresh.py")
#: Commands that run the model: they are told with which Python.
RUN_A_MODEL = {"add", "adopt", "draw", "fuse", "layers", "prove", "sweep"}


@dataclass(frozen=True)
class Fence:
    """A code block."""

    language: str
    title: str | None
    text: str
    left_out: bool


def fences(text: str) -> Iterator[Fence]:
    for found in FENCE.finditer(text):
        yield Fence(found["language"], found["title"], found["text"], bool(found["left_out"]))


def commands(text: str) -> list[str]:
    """All commands that a page shows, comments cut off and continued lines joined."""
    lines = [
        line
        for one in fences(text)
        if one.language == "sh"
        for line in one.text.replace("\\\n", "").splitlines()
    ]
    return [line for line in lines if line.strip() and not line.startswith("#")]


@dataclass
class Reader:
    """Follows a page in a folder. `adjust` may change the words of a command before it is run."""

    folder: Path
    python: str
    adjust: Callable[[list[str]], list[str]] = lambda words: words
    printed: str = ""
    before: dict[str, str] = field(default_factory=dict)

    def follow(self, text: str) -> None:
        for one in fences(text):
            if one.left_out:
                continue
            if one.title is not None:
                (self.folder / one.title).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / one.title).write_text(one.text, "utf-8")
            elif one.language == "sh":
                self.before = self.sources()
                for line in one.text.replace("\\\n", "").splitlines():
                    self.type(line)
            elif one.language == "text":
                shows(one.text, self.printed)
            elif one.language == "diff":
                changed(one.text, self.before, self.sources())

    def sources(self) -> dict[str, str]:
        files = self.folder.rglob("*.py")
        return {path.relative_to(self.folder).as_posix(): path.read_text("utf-8") for path in files}

    def type(self, line: str) -> None:
        words = self.adjust(shlex.split(line, comments=True))
        wanted = int(found[1]) if (found := EXIT_STATUS.search(line)) else 0
        if words[0] == "python":
            program = [
                self.python,
                str(SCRIPTS),
                "script",
            ]  # the warm Python runs no file as a script
            subprocess.run([*program, *words[1:]], cwd=self.folder, check=True)
            return
        assert words[0] == "stitchgen", f"not run: {line}"
        words = words[1:]
        if words[0] in RUN_A_MODEL:
            words = [words[0], "--python", self.python, *words[1:]]
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, "utf-8", write_through=True)  # a patch is written as bytes
        with redirect_stdout(stream), redirect_stderr(stream):
            status = main.run(words)
        self.printed = raw.getvalue().decode("utf-8")
        assert status == wanted, f"{line} ended with {status}\n{self.printed}"


def shows(shown: str, printed: str) -> None:
    """The lines of a page, in their order; where it has no `...` between them, nothing is between them."""
    parts = [
        re.escape(part.strip("\n")) for part in re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)
    ]
    assert re.search(r"[\s\S]*?".join(parts), trimmed(printed)), printed


def trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def changed(shown: str, before: dict[str, str], after: dict[str, str]) -> None:
    """Each line of a diff was put in, taken out, or is there."""
    lines: set[str] = set()
    for path in {*before, *after}:
        one, two = (files.get(path, "").splitlines() for files in (before, after))
        lines |= set(difflib.unified_diff(one, two, n=len(one) + len(two)))
    for line in shown.splitlines():
        assert line in lines, f"{line!r} is not in the change"
