"""Hooks of mkdocs that add the pages which the repository itself writes.

Generated are the gallery of blocks (`gallery.py`), the commands (`commands.py`) and the codes. The tutorials and
the text for assistants are the files of `docs/`; `<!-- include README.md: Targets -->` in a page stands for that section.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))  # mkdocs runs this file alone

import commands  # noqa: E402
import gallery  # noqa: E402

from stitchgen.explanations import explain  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

#: Files of `docs/` that are pages as they are.
SHARED = ("tutorial-yolo.md", "zh/tutorial-yolo.md", "agents.md")
PICTURES = ("add.svg",)
INCLUDED = re.compile(r"^<!-- include (\S+): (.+) -->$", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The families of blocks in the navigation."""
    assert config.nav is not None
    for entry in config.nav:
        if "Blocks" in entry:
            entry["Blocks"] = gallery.navigation()
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages: dict[str, str] = {
        "reference/codes.md": explain.page("en"),
        "reference/commands.md": commands.page(),
        **gallery.pages(),
    }
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    for name in SHARED:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / "docs" / name)))
    for name in PICTURES:
        path = str(ROOT / "docs" / name)
        files.append(File.generated(config, f"assets/{name}", abs_src_path=path))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return INCLUDED.sub(lambda found: section(found[1], found[2]), markdown)


def section(name: str, heading: str) -> str:
    """A section of a file of the repository, without its heading."""
    text = (ROOT / name).read_text("utf-8")
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    if found is None:
        raise LookupError(f"{name} has no section {heading!r}")
    return found[1].strip()
