"""The documentation site is built, without a warning, and what its pages show is so."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest

from stitchgen.catalog import folders, show
from stitchgen.cli import main
from stitchgen.explanations.entries import explanations
from tests.support.pages import Reader, commands, fences

ROOT = Path(__file__).parent.parent
SITE = ROOT / "docs" / "site"
PAGES = SITE / "pages"
#: Pages that show a whole project.
FOLLOWED = ["tutorial.md", *(f"recipes/{p.name}" for p in sorted(PAGES.glob("recipes/*.md")))]
FOLLOWED.remove("recipes/index.md")

needs_mkdocs = pytest.mark.skipif(
    importlib.util.find_spec("material") is None, reason="needs the extra `docs`"
)


# -- the site ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, python: str) -> Path:
    """The site as `mkdocs build --strict` makes it, but for the index of the search, in this process."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        for scheme in (
            "http",
            "https",
            "all",
        ):  # a build that asks for anything from elsewhere fails
            patch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")
        patch.setattr(sys, "path", [*sys.path])  # hooks.py finds its neighbours by it
        patch.setattr(sys, "executable", python)  # which draws the pictures of the blocks
        config = load_config(
            str(SITE / "mkdocs.yml"), site_dir=str(folder), strict=True, plugins=[]
        )
        config.plugins.on_startup(command="build", dirty=False)
        build(config)  # raises Abort at a warning
        config.plugins.on_shutdown()
    return folder


@needs_mkdocs
def test_every_block_has_its_section_with_picture_formula_and_source(site):
    for block in folders.load().values():
        page = (site / "blocks" / f"{block.family}.html").read_text("utf-8")
        assert f'id="{block.name}"' in page and f'src="pictures/{block.name}.svg"' in page
        assert block.formula, f"{block.name} has no formula"
        picture = ElementTree.parse(site / "blocks" / "pictures" / f"{block.name}.svg")
        texts = [one.text for one in picture.iter() if one.tag.endswith("}text")]
        assert "output" in texts and len(texts) >= 3


@needs_mkdocs
def test_every_command_and_code_has_its_section(site):
    page = (site / "reference" / "commands.html").read_text("utf-8")
    assert all(f'id="{name}"' in page for name in main.cli.commands)
    page = (site / "reference" / "codes.html").read_text("utf-8")
    assert all(f'id="{code}"' in page for code in explanations()[0])


@needs_mkdocs
def test_no_page_needs_anything_from_elsewhere(site):
    loads = re.compile(r"<(?:script|img|link|iframe)[^>]*\b(?:src|href)=\"?(?:https?:)?//[^>]*>")
    for path in site.rglob("*.html"):
        found = [tag for tag in loads.findall(path.read_text("utf-8")) if "canonical" not in tag]
        assert not found, path


# -- the recording -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorder():
    spec = importlib.util.spec_from_file_location("record", ROOT / "docs" / "record.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["record"] = module
    spec.loader.exec_module(module)
    return module


def words_on(screen: tuple) -> list[str]:
    return ["".join(letter for letter, _ in line) for line in screen]


def test_the_recording_shows_the_command_its_progress_and_the_proof(recorder):
    assert (recorder.SAMPLE / "model.py").is_file()
    tree = ElementTree.parse(recorder.OUTPUT).getroot()
    text = " ".join("".join(one.itertext()) for one in tree.iter() if one.tag.endswith("}text"))
    assert recorder.COMMAND in text and recorder.COMMAND in texts()["README.md"]
    assert "importing torch" in text and "builds, keys, position" in text
    style = next(one.text for one in tree.iter() if one.tag.endswith("}style"))
    [film] = [one for one in tree.iter() if one.get("id") == "f"]
    frames = [one for one in film if "translate" in one.get("transform", "")]
    steps = re.findall(r"translateY\((-?\d+)px\)", style)
    assert len(steps) == len(frames)
    # Where nothing moves, it is the last one.
    assert film.get("transform") == f"translate(0 {steps[-1]})"


def test_the_terminal_of_the_recording_takes_progress_lines_colours_and_long_lines(recorder):
    terminal = recorder.Terminal()
    terminal.feed("\r\x1b[K\x1b[2mimporting torch\x1b[0m\r\x1b[K\x1b[32m\x1b[1mdone\x1b[0m\r\n")
    terminal.feed("-" * (recorder.COLUMNS + 2))
    assert words_on(terminal.screen()) == ["done", "-" * recorder.COLUMNS, "--"]
    assert {style for _, style in terminal.screen()[0]} == {(32, True, False)}


def test_waiting_is_shortened_and_what_is_typed_is_seen(recorder):
    frames = recorder.frames_of("ab", [(60.0, "one\r\n"), (60.0, "two\r\n")])
    assert [words_on(one.screen)[0] for one in frames[:3]] == ["$ ", "$ a", "$ ab"]
    assert max(one.seconds for one in frames[:-1]) < 3 and frames[-1].seconds == recorder.LAST
    assert words_on(frames[-1].screen) == ["$ ab", "one", "two", ""]


# -- the commands on the pages -------------------------------------------------------------------


@cache
def texts() -> dict[str, str]:
    paths = [*PAGES.rglob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    paths += [*(ROOT / "docs" / "zh").glob("*.md"), *ROOT.glob("README.zh.md")]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def shown() -> Iterator[tuple[str, str]]:
    """Every stitchgen command of every page, with where it stands."""
    for where, text in texts().items():
        for line in commands(text):
            for typed in line.split(" && "):
                if typed.startswith("stitchgen "):
                    yield where, typed
    for block in folders.load().values():
        yield block.name, show.example(block)
    for name, command in main.cli.commands.items():
        for laid_out in re.findall(r"\x08\n(.*?)(?:\n\s*\n|\Z)", command.help or "", re.DOTALL):
            for line in re.sub(r"\\\n\s*", "", laid_out).splitlines():
                typed, *_ = re.split(r" {2,}", line.strip())  # what it does may stand beside it
                for one in typed.split(" && "):
                    if one.startswith("stitchgen "):
                        yield f"stitchgen {name} --help", one


def test_every_command_that_is_shown_can_be_typed():
    """click takes its arguments: the options are there, and their values are of their kind."""
    for where, line in shown():
        words = shlex.split(line, comments=True)[1:]
        try:
            context = main.cli.make_context("stitchgen", words)
            name, command, rest = main.cli.resolve_command(
                context, [*context._protected_args, *context.args]
            )
            assert command is not None
            command.make_context(name, rest, parent=context)
        except click.ClickException as error:
            pytest.fail(f"{where}: {line}: {error.format_message()}")


SAMPLE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.layer1 = nn.Conv2d(32, 32, 3, padding=1)
        self.layer2 = nn.Conv2d(32, 32, 3, padding=1)
        self.layer3 = nn.Conv2d(32, 32, 3, padding=1)

    def forward(self, x):
        y = self.layer2(self.conv1(x))
        x = self.layer1(y)
        z = self.layer3(x)
        return y.mean() + z
"""


def kinds_of_examples() -> dict[str, str]:
    """One example of the gallery of each kind that is not on the pages: the verb with its options."""
    found: dict[str, str] = {}
    for block in folders.load().values():
        words = show.example(block).split()
        kind = " ".join([words[1], *(word for word in words if word.startswith("--"))])
        if "NCHW" in block.layouts and not ON_THE_PAGES & set(words):
            found.setdefault(kind, show.example(block))
    return found


#: They are proven where the pages are followed, or are the same with another option.
ON_THE_PAGES = {"fuse", "--with", "--replace"}


def test_each_kind_of_example_in_the_gallery_runs(tmp_path, monkeypatch, python):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(SAMPLE, "utf-8")
    (tmp_path / "stitchgen.toml").touch()
    kinds = kinds_of_examples()
    assert {"add --after", "add --after --set", "new-module"} <= set(kinds)

    def read_only(words: list[str]) -> list[str]:
        return [*words, "--dry-run", *["--no-prove"] * (words[1] == "add")]

    reader = Reader(tmp_path, python, read_only)
    for example in kinds.values():
        reader.type(example)
        assert "nothing was written" in reader.printed


def test_the_site_installs_as_the_readme_does():
    [line] = [one for one in commands(texts()["docs/site/pages/index.md"]) if "pip" in one]
    assert line in texts()["README.md"]


#: Not known, or not certain, of a model that is only read.
NEEDS_A_RUN = {"--every", "--with", "fuse", "eca"}


class Briefly:
    """Proves the first edit of a page, and what only a run tells; plans the rest by reading. A training is short."""

    def __init__(self) -> None:
        self.proven = False

    def __call__(self, words: list[str]) -> list[str]:
        match words:
            case ["python", *_]:
                return [*words, "--steps", "2"]
            case ["stitchgen", "add" | "fuse", *_]:
                if "--diff" in words or (self.proven and not NEEDS_A_RUN & set(words)):
                    return [*words, "--no-prove"]
                self.proven = True
        return words


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_can_be_followed(page, tmp_path, monkeypatch, request):
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stitchgen.toml").touch()
    text = (PAGES / page).read_text("utf-8")
    python = request.getfixturevalue(
        "python_with_torchvision"
        if "import torchvision" in text or "from torchvision" in text
        else "python"
    )
    assert any(one.title for one in fences(text)), "the page shows no model"
    Reader(tmp_path, python, Briefly()).follow(text)
