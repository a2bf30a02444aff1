"""The catalog: the templates of its folders, found and read; they are never run.

The built-in folder stands in the wheel or at the top of the repository; others are named by the user, and
their blocks by the folder: `lab/eca` of `lab-blocks/`.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path

from stitchgen.catalog.block import Block
from stitchgen.catalog.head import NAME, Head
from stitchgen.catalog.template import SUFFIX, broken, contents
from stitchgen.errors import StitchError

MAX_TEMPLATES = 2_000


def builtin_folder(kind: str = "blocks") -> Path:
    """Where the built-in templates (or `snippets`) are: in the wheel, else in the repository."""
    package = Path(__file__).parent.parent
    parts = ("templates", "blocks") if kind == "blocks" else (kind,)
    for base in (package, package.parent):
        if (folder := base.joinpath(*parts)).is_dir():
            return folder
    raise StitchError(
        "catalog-broken",
        f"the installation has no {'/'.join(parts)} folder",
        where=str(package),
        hint="reinstall stitchgen: pip install --force-reinstall stitchgen",
    )


def load(catalogs: Iterable[str | Path] = ()) -> dict[str, Block]:
    """Every block of the built-in catalog and of these folders, by name, sorted."""
    blocks = {block.name: block for block in map(_builtin, _templates(builtin_folder()))}
    for namespace, folder in _namespaces(catalogs).items():
        for path in _templates(folder):
            block = read(path, namespace=namespace, root=folder)
            if block.name in blocks:
                raise broken(path, 1, f"`{block.name}` is there twice", "rename one of the files")
            blocks[block.name] = block
    return dict(sorted(blocks.items()))


def get(name: str, catalogs: Iterable[str | Path] = ()) -> Block:
    """The block of this name; only its own template is read."""
    namespace, _, stem = name.rpartition("/")
    catalogs = tuple(catalogs)
    if NAME.fullmatch(stem):
        folder = _namespaces(catalogs).get(namespace) if namespace else builtin_folder()
        for path in _templates(folder) if folder else ():
            if path.name == stem + SUFFIX:
                return read(path, namespace, folder) if namespace else _builtin(path)
    from difflib import get_close_matches  # 8 ms, wanted only here

    names = load(catalogs)
    by_class = {block.class_name.lower(): known for known, block in names.items()}
    wanted = name.strip().lower().replace("_", "-").replace(" ", "-")
    near = [by_class[wanted]] if wanted in by_class else []
    near += [known for known in names if known not in near and wanted and wanted in known]
    near += [known for known in get_close_matches(wanted, names) if known not in near]
    raise StitchError(
        "block-not-found",
        f"there is no block `{name}`" + (f" in the catalog `{namespace}`" if namespace else ""),
        hint=f"stitchgen show {near[0]}" if near else "stitchgen list",
        suggestions=near[:5],
    )


def read(path: Path, namespace: str = "", root: Path | None = None) -> Block:
    """One template's head, strictly: anything unexpected is catalog-broken at its line."""
    return _block(path, contents(path, root or path.parent), namespace)


@functools.lru_cache(maxsize=512)
def _block(path: Path, text: str, namespace: str) -> Block:
    """A sweep asks for the same few heads for each of its variants."""
    return Head(path, text).block(namespace)


def body(block: Block) -> str:
    """The whole template of a block; its head is a comment to Jinja."""
    return contents(block.template, block.template.parent)


def _builtin(path: Path) -> Block:
    block = read(path)
    if path.parent.name != block.family:
        raise broken(path, 1, f"the family is `{block.family}`", "move the file to its folder")
    return block


def _namespaces(catalogs: Iterable[str | Path]) -> dict[str, Path]:
    """The folders by their namespace: the folder's name, less an ending `-blocks`."""
    folders: dict[str, Path] = {}
    for catalog in catalogs:
        folder = Path(catalog)
        name = re.sub(r"[-_]blocks$", "", folder.resolve().name.lower()).replace("_", "-")
        if not folder.is_dir():
            hint = "correct `catalogs` in [tool.stitchgen]"
            raise StitchError("catalog-broken", "there is no such folder", str(catalog), hint)
        if not NAME.fullmatch(name) or folders.get(name, folder).resolve() != folder.resolve():
            raise StitchError(
                "catalog-broken",
                f"`{name}` cannot be the name of this catalog (kebab-case, and used once)",
                where=str(catalog),
                hint="rename the folder; its name is the first part of `lab/eca`",
            )
        folders[name] = folder
    return folders


def _templates(folder: Path) -> list[Path]:
    """The templates of a catalog: in the folder itself and in the folders one below."""
    found: list[Path] = []
    try:
        bases = [folder, *sorted(path for path in folder.iterdir() if _is_own_folder(path))]
        for base in bases:
            found += [base / n for n in sorted(os.listdir(base)) if n.endswith(SUFFIX)]
    except OSError as error:
        hint = "let yourself read it, or take it out of the configuration"
        message = error.strerror or "it cannot be read"
        raise StitchError("catalog-broken", message, str(error.filename or folder), hint) from None
    if len(found) > MAX_TEMPLATES:
        raise StitchError(
            "catalog-broken",
            f"more than {MAX_TEMPLATES} templates",
            where=str(folder),
            hint="name a folder that holds block templates only",
        )
    return found


def _is_own_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
