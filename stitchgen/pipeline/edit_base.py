"""What an edit was made to: the changed files as they were in a git revision, or in another file."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stitchgen.errors import StitchError
from stitchgen.project import git
from stitchgen.project.config import Project
from stitchgen.project.transaction import read_bytes
from stitchgen.project.ways_in import ImportGraph, is_test
from stitchgen.project.workspace import Workspace
from stitchgen.source.document import Document
from stitchgen.source.syntax import Syntax, module_classes


@dataclass(frozen=True)
class Base:
    """The project as it was, by what is different in it."""

    name: str  # of the revision, or the path of the other file
    old: Mapping[Path, bytes]  # the changed Python files that there were
    new: tuple[Path, ...] = ()  # those that there were not
    gone: tuple[Path, ...] = ()  # those of `old` that there are no more

    @property
    def edited(self) -> list[Path]:
        return [path for path in self.old if path not in self.gone]

    def syntax(self, file: Path, workspace: Workspace) -> Syntax:
        """A file as it was."""
        raw = self.old.get(file)
        if raw is None:
            return workspace.syntax(file)
        return Syntax(Document(raw, workspace.relative(file)))

    def files(self, workspace: Workspace) -> list[dict[str, str]]:
        """What the edit did to the files, as a report lists it."""
        actions = [(path, "create") for path in self.new]
        actions += [(path, "delete" if path in self.gone else "edit") for path in self.old]
        return [
            {"path": workspace.relative(path), "action": action} for path, action in sorted(actions)
        ]


def base_of(project: Project, text: str) -> Base | None:
    """The base that is a git revision; None where the text names a file, to compare with one other."""
    root = project.root
    if Path(text).suffix == ".py" and Path(text).is_file():
        return None
    if not git.has_revision(root, text):
        raise StitchError(
            "bad-argument",
            f"--base {text} is neither a revision that git knows in {root} nor a Python file",
            hint="Name a commit, a branch or a tag: --base main; or the file as it was: "
            "stitchgen prove model.py --base model_before.py",
        )
    old: dict[Path, bytes] = {}
    new: list[Path] = []
    for name in git.changed_since(root, text):
        path = root / name
        if path.suffix != ".py":
            continue
        content = git.file_at(root, text, name)
        if content is None:
            new.append(path)
        elif not path.is_file() or content != path.read_bytes():
            old[path] = content
    return Base(text, old, tuple(new), tuple(path for path in old if not path.is_file()))


def base_in_file(text: str, model: Path) -> Base:
    """The base in which the model file was what another file is."""
    return Base(text, {model: read_bytes(Path(text).absolute())})


def edited_model(project: Project, base: Base, workspace: Workspace) -> str:
    """The model file that an edit is about: what is changed and is imported by nothing else that is.

    Where its classes are built in another file, that is the one.
    """
    models = [path for path in base.edited if not is_test(path) and defines_models(workspace, path)]
    imports = ImportGraph(project.root)
    importers = {path: imports.importers(path) for path in models}
    tops = [path for path in models if not any(other in models for other in importers[path])]
    if not tops and not models:
        raise StitchError(
            "target-not-found",
            f"no file with a model has changed since {base.name}",
            hint="Name the model's file: stitchgen prove FILE",
            suggestions=[f"stitchgen prove {workspace.relative(path)}" for path in base.new[:3]],
        )
    if len(tops) != 1:
        found = [workspace.relative(path) for path in tops or models]
        raise StitchError(
            "target-ambiguous",
            f"{len(found)} files with models have changed since {base.name}: {', '.join(found[:4])}",
            hint="Name one of them.",
            suggestions=[f"stitchgen prove {one}" for one in found[:4]],
        )
    return workspace.relative(tops[0])


def defines_models(workspace: Workspace, path: Path) -> bool:
    try:
        return bool(module_classes(workspace.syntax(path)))
    except StitchError as error:
        if error.code == "syntax-error":
            raise
        return False


def as_it_was(expression: str, syntax: Syntax) -> str:
    """The construction of the same configuration before the edit: without arguments that are the edit's own."""
    try:
        node = ast.parse(expression, mode="eval").body
    except SyntaxError:
        return expression
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return expression
    known = arguments_of(syntax, node.func.id)
    if known is None:
        return expression
    node.keywords = [one for one in node.keywords if one.arg is None or one.arg in known]
    return ast.unparse(node) if ast.unparse(node) != expression else expression


def arguments_of(syntax: Syntax, name: str) -> set[str] | None:
    """The names of the arguments of a function or a class; None where it takes any, or is not here."""
    function = syntax.function(name)
    for base in syntax.lineage(name):
        function = function or syntax.method(base, "__init__")
    if function is None or function.args.kwarg is not None:
        return None
    arguments = function.args
    return {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
