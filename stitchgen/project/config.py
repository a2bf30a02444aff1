"""Where the project is and what it has configured.

Owns: finding the project root, `[tool.stitchgen]` in pyproject.toml or a stitchgen.toml of the
same content, and the settings of other tools that the generated code follows (line length,
formatter).
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError, UsageError
from stitchgen.source.edits import Edit, FileChange

#: What makes a folder the root of a project.
MARKERS = ("stitchgen.toml", "pyproject.toml", ".git")

BLACK_LINE_LENGTH = 88

#: Each formatter with the ids of its pre-commit hooks.
FORMATTER_HOOKS = {
    "black": ("black", "black-jupyter"),
    "ruff": ("ruff-format",),
    "yapf": ("yapf",),
    "autopep8": ("autopep8",),
    "blue": ("blue",),
}


@dataclass(frozen=True)
class ModelConfig:
    """A `[models.NAME]` table: `NAME.layer2` is then a target."""

    name: str
    target: str
    build: tuple[str, ...] = ()
    input: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """A project folder with its settings; every path in it is absolute, save `blocks`."""

    root: Path
    python: str | None = None
    blocks: str | None = None  # relative to the root; None: `blocks/` beside the model file
    catalogs: tuple[str, ...] = ()
    models: dict[str, ModelConfig] = field(default_factory=dict)
    sweep: dict[str, Any] = field(default_factory=dict)  # as it was read: see `sweep/configured.py`
    line_length: int = BLACK_LINE_LENGTH
    formatter: str | None = None  # None: none is configured
    current: Path | None = None  # the folder that the command was started in; None: the root

    @property
    def search_folders(self) -> tuple[Path, ...]:
        """Where a file or module of a target is looked for, in this order."""
        folders = [self.current or self.root, self.root, self.root / "src"]
        return tuple(dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir()))

    @property
    def configured_targets(self) -> dict[str, str]:
        """The names that the configuration gives to models, with their targets."""
        return {name: model.target for name, model in self.models.items()}


def find_project(directory: Path | str | None = None) -> Project:
    """The project in `directory`, or the one around the current folder.

    A directory that is given is the root itself; otherwise the root is the nearest folder
    upwards with one of the MARKERS, or the current folder where there is none.
    """
    try:
        here = Path.cwd()
    except OSError as error:
        if directory is None or not Path(directory).is_absolute():
            raise UsageError(
                "file-not-found",
                "the current folder is no longer there",
                hint="go to a folder that is: cd PROJECT",
            ) from error
        here = Path(directory)
    if directory is not None:
        root = here / directory
        if not root.is_dir():
            raise UsageError(
                "file-not-found",
                f"--project: there is no folder {str(directory)!r}",
                hint="give the folder that holds the project's pyproject.toml",
            )
        return _load(root.resolve(), here)
    for folder in (here, *here.parents):
        if any((folder / marker).exists() for marker in MARKERS):
            return _load(folder, here)
    return _load(here, here)


def remembering(
    project: Project, target: str, builds: tuple[str, ...], inputs: tuple[str, ...]
) -> FileChange | None:
    """The change that makes these the model's own, so that they need not be typed again.

    None where there is nothing to say, or where the file of the target has a model already.
    """
    file, _, names = target.partition("::")
    known = {model.target.partition("::")[0] for model in project.models.values()}
    if not (builds or inputs) or file in known:
        return None
    name = Path(file).stem
    while name in project.models:
        name += "_"
    own_file, pyproject_file = project.root / "stitchgen.toml", project.root / "pyproject.toml"
    pyproject = read_toml(pyproject_file)
    prefixed = "stitchgen" in table(pyproject, "tool", pyproject_file)
    lines = [
        f"[{'tool.stitchgen.' if prefixed else ''}models.{name}]",
        f"target = {_quoted(f'{file}::{names.partition(chr(46))[0]}')}",
    ]
    for key, values in (("build", builds), ("input", inputs)):
        if values:
            lines.append(f"{key} = [{', '.join(map(_quoted, values))}]")
    source = pyproject_file if prefixed else own_file
    before = source.read_bytes() if source.exists() else None
    newline = b"\r\n" if before and b"\r\n" in before else b"\n"
    written = b"".join(line.encode() + newline for line in lines)
    if not before:
        return FileChange(source.name, before, written)
    gap = newline if before.endswith(b"\n") else newline * 2
    return FileChange.of(source.name, before, [Edit(len(before), len(before), gap + written)])


def _quoted(text: str) -> str:
    """A TOML string; JSON's escapes are TOML's too."""
    return json.dumps(text, ensure_ascii=False)


def _load(root: Path, current: Path) -> Project:
    own_file, pyproject_file = root / "stitchgen.toml", root / "pyproject.toml"
    own = read_toml(own_file)
    pyproject = read_toml(pyproject_file)
    section = table(table(pyproject, "tool", pyproject_file), "stitchgen", pyproject_file)
    if own is not None:
        if section:
            raise StitchError(
                "no-configuration",
                "the project is configured twice: in stitchgen.toml and in pyproject.toml",
                where="pyproject.toml",
                hint="keep one of them: delete stitchgen.toml or the table [tool.stitchgen]",
            )
        # Pasted from a pyproject.toml, the tables carry its prefix.
        prefixed = table(table(own, "tool", own_file), "stitchgen", own_file)
        settings, source = prefixed or own, own_file
    else:
        settings, source = section, pyproject_file
    line_length, formatter = _style(root)
    return Project(
        root=root,
        **_settings(settings, source, root),
        line_length=line_length,
        formatter=formatter,
        current=current,
    )


def _settings(settings: dict[str, Any], source: Path, root: Path) -> dict[str, Any]:
    known = ("python", "blocks", "catalogs", "models", "sweep")
    refuse_unknown(settings, known, source, "")
    python = string(settings, "python", source)
    if python is not None and ("/" in python or "\\" in python):
        # Not resolved: a virtual environment's python is a symlink, and its place says which.
        python = str(root / Path(python).expanduser())
    blocks = string(settings, "blocks", source)
    if blocks is not None:
        blocks = blocks.replace("\\", "/").strip("/")
        parts = blocks.split("/")
        if Path(blocks).is_absolute() or not all(part.isidentifier() for part in parts):
            raise malformed(
                source,
                f"blocks = {blocks!r} is no folder that Python can import from",
                'write a path of plain names inside the project, as in blocks = "models/blocks"',
            )
    catalogs = []
    for catalog in strings(settings, "catalogs", source):
        folder = (root / Path(catalog).expanduser()).resolve()
        if not folder.is_dir():
            raise malformed(
                source,
                f"catalogs: there is no folder {catalog!r}",
                "paths are relative to the project's root",
            )
        catalogs.append(str(folder))
    return {
        "python": python,
        "blocks": blocks,
        "catalogs": tuple(catalogs),
        "models": _models(settings, source),
        "sweep": table(settings, "sweep", source),
    }


def _models(settings: dict[str, Any], source: Path) -> dict[str, ModelConfig]:
    models = {}
    for name, model in table(settings, "models", source).items():
        if not isinstance(model, dict):
            raise malformed(source, f"models.{name} is no table", f"write [models.{name}]")
        refuse_unknown(model, ("target", "build", "input"), source, f"models.{name}.")
        target = string(model, "target", source)
        if target is None:
            raise malformed(
                source,
                f"models.{name} has no target",
                'add target = "path/to/file.py::Class"',
            )
        models[name] = ModelConfig(
            name=name,
            target=target,
            build=strings(model, "build", source),
            input=strings(model, "input", source),
        )
    return models


def _style(root: Path) -> tuple[int, str | None]:
    """The line length and the formatter that hold for files below `root`.

    Like black, this takes the nearest pyproject.toml with a table for the tool, not above the
    repository.
    """
    for folder in (root, *root.parents):
        pyproject_file = folder / "pyproject.toml"
        tools = table(read_toml(pyproject_file), "tool", pyproject_file)
        found = _style_of(folder, tools)
        if found is not None:
            return found
        if (folder / ".git").exists():
            break
    return BLACK_LINE_LENGTH, None


def _style_of(folder: Path, tools: dict[str, Any]) -> tuple[int, str | None] | None:
    ruff_file = next(filter(Path.is_file, (folder / "ruff.toml", folder / ".ruff.toml")), None)
    ruff = read_toml(ruff_file) if ruff_file else tools.get("ruff")
    hook = _formatter_hook(folder / ".pre-commit-config.yaml")
    if "black" in tools:
        return _line_length(tools["black"], "line-length", "line_length"), "black"
    if "yapf" in tools or (folder / ".style.yapf").is_file():
        return _line_length(tools.get("yapf"), "column_limit", "COLUMN_LIMIT"), "yapf"
    if "autopep8" in tools:
        return _line_length(tools["autopep8"], "max_line_length", "max-line-length"), "autopep8"
    if isinstance(ruff, dict):
        # A [tool.ruff] without a format table may be there for the linter alone.
        formats = "format" in ruff or hook == "ruff"
        return _line_length(ruff, "line-length"), "ruff" if formats else hook
    if hook is not None:
        return BLACK_LINE_LENGTH, hook
    return None


def _line_length(table: object, *keys: str) -> int:
    if isinstance(table, dict):
        for key in keys:
            value = table.get(key)
            if isinstance(value, int) and value > 0:
                return value
    return BLACK_LINE_LENGTH


def _formatter_hook(file: Path) -> str | None:
    """The formatter that a .pre-commit-config.yaml runs (read by its `id:` lines)."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    hooks = set(re.findall(r"^\s*-?\s*id:\s*['\"]?([\w-]+)", text, re.MULTILINE))
    return next((name for name, ids in FORMATTER_HOOKS.items() if hooks & set(ids)), None)


# -- reading TOML, for other files of settings as well -----------------------------------------------


def read_toml(file: Path) -> dict[str, Any] | None:
    """The document, or None where there is no such file."""
    try:
        raw = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StitchError(
            "no-configuration", f"{file.name} cannot be read: {error.strerror}", where=str(file)
        ) from error
    # Imported here, since most projects that stitchgen meets have no TOML at all.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(raw.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"at line (\d+)", str(error))
        raise StitchError(
            "no-configuration",
            f"{file.name} is not valid TOML: {error}",
            where=f"{file.name}:{line[1]}" if line else file.name,
            hint="correct the file and run the command again",
        ) from error


def table(parent: dict[str, Any] | None, key: str, source: Path) -> dict[str, Any]:
    """A table of the document; an empty one where there is none."""
    value = (parent or {}).get(key, {})
    if not isinstance(value, dict):
        raise malformed(source, f"{key} is no table", f"write [{key}]")
    return value


def string(parent: dict[str, Any], key: str, source: Path) -> str | None:
    """A text that is not empty; None where there is none."""
    value = parent.get(key)
    if value is None or (isinstance(value, str) and value.strip()):
        return value
    raise malformed(source, f"{key} must be a string that is not empty", f'write {key} = "..."')


def strings(parent: dict[str, Any], key: str, source: Path) -> tuple[str, ...]:
    """A list of texts, or one of them."""
    value = parent.get(key, [])
    values = [value] if isinstance(value, str) else value
    if isinstance(values, list) and all(isinstance(v, str) and v.strip() for v in values):
        return tuple(values)
    raise malformed(source, f"{key} must be a list of strings", f'write {key} = ["..."]')


def refuse_unknown(
    parent: dict[str, Any], known: tuple[str, ...], source: Path, prefix: str
) -> None:
    """Refuse a key that has no meaning, with the near ones."""
    for key in parent:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise StitchError(
                "no-configuration",
                f"stitchgen has no setting {prefix}{key}",
                where=source.name,
                hint="the settings are " + ", ".join(prefix + name for name in known),
                suggestions=[prefix + name for name in near],
            )


def malformed(source: Path, message: str, hint: str) -> StitchError:
    return StitchError("no-configuration", message, where=source.name, hint=hint)
