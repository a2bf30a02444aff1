"""`stitchgen adopt`: the file of an installed model as a file of the project, proven to be the same model.

The proof compares the copy with the original as the project imports it: the stand-in is a file in the copy's
place that binds what the installed module has. Whatever else is asked of an edit is asked of the copy.
"""

from __future__ import annotations

import ast
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stitchgen.analysis import factories
from stitchgen.analysis.backend import BrokenCheck, Proposal, ProvenConfiguration
from stitchgen.analysis.import_safety import Reader
from stitchgen.analysis.installed import Definition
from stitchgen.analysis.runtime_backend import RuntimeBackend
from stitchgen.analysis.subject import Subject, interpreter
from stitchgen.errors import StitchError, UsageError, shown_below
from stitchgen.history import ledger
from stitchgen.history.entries import ADOPTED
from stitchgen.pipeline.proof import judged_imports
from stitchgen.planning.block_import import module_to_import
from stitchgen.project import git, transaction
from stitchgen.project.config import Project
from stitchgen.project.modules import as_named, find_file
from stitchgen.project.outcome import Outcome
from stitchgen.project.python_files import in_project
from stitchgen.project.ways_in import WayIn
from stitchgen.project.workspace import Workspace
from stitchgen.rewrite.adopted_uses import Copy, Rewriting, pointed_to_copy, uses_of
from stitchgen.source.adoption import Adopted, adopted, public_names
from stitchgen.source.document import Document
from stitchgen.source.edits import FileChange
from stitchgen.source.syntax import Syntax, module_classes
from stitchgen.targets.model import RunOptions
from stitchgen.targets.scripts import without_weights

#: So many constructions are run whole; of so many more the keys are compared.
WHOLE = 3
BRIEF = 4


@dataclass(frozen=True)
class AdoptRequest:
    """What is adopted, where it goes, and the scripts that are to use it."""

    name: str  # `timm.models.resnet`, or what that module binds
    to: str | None = None  # a file or folder, as typed
    scripts: tuple[str, ...] = ()

    def command_line(self) -> str:
        words = ["adopt", self.name, *(["--to", self.to] if self.to else [])]
        for script in self.scripts:
            words += ["--in", script]
        return shlex.join(words)


@dataclass(frozen=True)
class Source:
    """The installed file, and what it becomes here."""

    definition: Definition
    syntax: Syntax
    path: Path  # of the copy
    adopted: Adopted

    @property
    def stand_in(self) -> bytes:
        """A file in the copy's place that is the original."""
        lines = [
            f"import {self.definition.module} as _original",
            "globals().update(",
            "    {name: value for name, value in vars(_original).items() if not name.startswith('__')}",
            ")",
        ]
        return "\n".join([*lines, ""]).encode()


def run(
    project: Project, request: AdoptRequest, options: RunOptions, mode: str = "apply"
) -> Outcome:
    """Copy the file, point the scripts to it; with `mode="apply"` it is written.

    Raises StitchError where that cannot be done and proven; then nothing is written.
    """
    if mode == "apply":
        git.check_nothing_in_progress(project.root)
    with shown_below(project.root):
        outcome = propose(project, request, options, dry_run=mode != "apply")
    if mode == "apply":
        transaction.commit(project.root, outcome.changes)
    return outcome


def propose(
    project: Project, request: AdoptRequest, options: RunOptions, *, dry_run: bool
) -> Outcome:
    scripts = [script_file(project, name) for name in request.scripts]
    path = path_for(project, request, scripts)
    workspace = Workspace(project.root)
    python = interpreter(options.python, project.python, project.root)
    nowhere = Subject(path, "", (), project.root, python=python)
    looking = RuntimeBackend(nowhere)
    try:
        definition = find(looking, project, request.name)
        path = path if path.suffix == ".py" else path / f"{definition.module.rpartition('.')[2]}.py"
        source = copied(definition, path)
        there = check_free(project, source)
        rewritten = {script: rewriting(looking, workspace, script, source) for script in scripts}
    finally:
        looking.close()
    for script, one in rewritten.items():
        workspace.edit(script, *one.edits)
    changes = workspace.changes()
    if not there:
        changes = [FileChange(workspace.relative(path), None, source.adopted.content), *changes]
    proof = None
    if changes:
        proof = prove(workspace, source, rewritten, replace(nowhere, file=path), options)
    result = {
        "ok": True,
        "command": "adopt",
        "dry_run": dry_run,
        **described(source, workspace.relative(path)),
        "calls": [call for one in rewritten.values() for call in one.calls],
        "files": [{"path": change.path, "action": change.action} for change in changes],
        "proof": proof,
        "notes": [note for one in rewritten.values() for note in one.notes],
        "warnings": [],
    }
    if changes:
        changes = [*changes, recorded(project, request, source, changes)]
    return Outcome(result, tuple(changes))


def described(source: Source, shown: str) -> dict[str, Any]:
    """What `--json` says of the copy: whose it is, where it goes, what it leaves out."""
    package = source.definition.package
    return {
        "module": source.definition.module,
        "package": {
            "name": package.name,
            "version": package.version,
            "licence": package.licence or None,
            "licence_file": package.licence_file or None,
        },
        "path": shown,
        "left_out": source.adopted.left_out,
    }


def recorded(
    project: Project, request: AdoptRequest, source: Source, changes: Sequence[FileChange]
) -> FileChange:
    """The ledger with the copy in it."""
    record = ledger.SpliceRecord(
        block=source.definition.module,
        target=source.path.relative_to(project.root).as_posix(),
        placement=ADOPTED,
        attribute=source.path.stem,
        strategy="file",
    )
    return ledger.load(project.root).with_run(request.command_line(), [record], changes).change()


# -- what is copied ------------------------------------------------------------------------------


def find(backend: RuntimeBackend, project: Project, name: str) -> Definition:
    """The module that defines what is named; refuses what is no installed Python source."""
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(
            "usage",
            f"{name} is no dotted name of an installed module",
            hint="stitchgen adopt timm.models.resnet",
        )
    [place] = backend.look_up([name])
    found = place.definition
    if found is None:
        raise StitchError(
            "file-not-found",
            f"{name} cannot be imported by {backend.subject.python}: {place.error}",
            hint="Name an installed module, as in stitchgen adopt timm.models.resnet; pass --python PATH of the "
            "environment that has it.",
        )
    if in_project(found.file, project.root):
        shown = found.file.relative_to(project.root).as_posix()
        raise UsageError(
            "usage",
            f"{name} is a file of yours already: {shown}",
            hint=f"stitchgen layers {shown}",
        )
    if found.file.suffix != ".py" or not found.file.is_file():
        raise StitchError(
            "not-python",
            f"{found.module} has no Python source: {found.file or 'it is built in'}",
            where=str(found.file) or None,
            hint="Only a module that is written in Python can be adopted.",
        )
    return found


def copied(definition: Definition, path: Path) -> Source:
    """The installed file, read, and what it becomes; refuses one that defines no model."""
    syntax = Syntax(Document(transaction.read_bytes(definition.file), str(definition.file)))
    package = definition.file.stem == "__init__"
    if not module_classes(syntax):
        below = sorted(definition.file.parent.glob("*.py")) if package else []
        names = [f"{definition.module}.{one.stem}" for one in below if not one.stem.startswith("_")]
        raise StitchError(
            "not-a-model",
            f"{definition.module} defines no nn.Module",
            where=str(definition.file),
            hint="Name the module that defines the model's class, or the class: torchvision.models.resnet.ResNet",
            suggestions=[f"stitchgen adopt {name}" for name in names[:5]],
        )
    done = adopted(syntax.document, definition.module, package=package, header=header(definition))
    Document(done.content, path.name)  # it parses
    return Source(definition, syntax, path, done)


def header(definition: Definition) -> list[str]:
    """Where the file comes from, as comments at its top."""
    package = definition.package
    place = definition.module.replace(".", "/")
    end = "/__init__.py" if definition.file.stem == "__init__" else ".py"
    version = f" {package.version}" if package.version else ""
    licence = f", licensed {package.licence}" if package.licence else ""
    lines = [f"From {package.name}{version}: {place}{end}{licence}."]
    if package.licence_file:
        lines.append(f"The licence is {package.licence_file} of that package.")
    lines.append(
        "Copied by `stitchgen adopt`: relative imports name the package, and nothing is registered."
    )
    return lines


def path_for(project: Project, request: AdoptRequest, scripts: Sequence[Path]) -> Path:
    """Where the copy goes: a `.py` file, or the folder in which it has the module's name."""
    if request.to is None:
        return scripts[0].parent if scripts else project.root
    path = Path(request.to).expanduser().resolve()
    root = project.root.resolve()
    if not path.is_relative_to(root):
        raise UsageError(
            "bad-argument",
            f"--to {request.to} is outside of the project {root}",
            hint="name a folder or a .py file of the project, or the project: --project DIR",
        )
    if path.is_file() and path.suffix != ".py":
        raise UsageError("bad-argument", f"--to {request.to} is a file", hint="--to models")
    return project.root / path.relative_to(root)


def check_free(project: Project, source: Source) -> bool:
    """Whether the copy is there already; refuses where another file is, or a name that cannot be imported."""
    path = source.path
    shown = path.relative_to(project.root).as_posix()
    if not path.stem.isidentifier() or path.stem in sys.stdlib_module_names:
        raise UsageError(
            "bad-argument",
            f"{path.name} could not be imported: {path.stem} is no name for a module of one's own",
            hint=f"--to {path.with_name(f'my_{path.stem}.py').relative_to(project.root).as_posix()}",
        )
    if not path.exists():
        return False
    for entry in ledger.load(project.root).entries:
        known = (entry.record.placement, entry.record.target, entry.record.block)
        if known == (ADOPTED, shown, source.definition.module):
            return True
    raise StitchError(
        "not-writable",
        f"{shown} is there already",
        where=shown,
        hint=f"Name another place: stitchgen adopt {source.definition.module} --to "
        f"{path.with_name(f'{path.stem}_adopted.py').relative_to(project.root).as_posix()}",
    )


# -- the scripts ---------------------------------------------------------------------------------


def script_file(project: Project, name: str) -> Path:
    file = find_file(name, project.search_folders)
    if not in_project(file, project.root):
        raise UsageError(
            "bad-argument",
            f"--in {name} is outside of the project {project.root}",
            hint="name a script of the project, or the project: --project DIR",
        )
    return as_named(file)


def rewriting(
    backend: RuntimeBackend, workspace: Workspace, script: Path, source: Source
) -> Rewriting:
    """The edits that make a script use the copy."""
    uses = uses_of(workspace.syntax(script))
    module = source.definition.module
    top = f"{module.partition('.')[0]}."
    places = backend.look_up([name for name in uses.names if f"{name}.".startswith(top)])
    homes = {
        one.name: one.definition.attribute
        for one in places
        if one.definition is not None and one.definition.module == module
    }
    package = (source.path.parent / "__init__.py").is_file()
    name = module_to_import(workspace, script, source.path, package=package)
    copy = Copy(module, name, public_names(source.syntax.tree))
    return pointed_to_copy(uses, copy, homes)


# -- the proof -----------------------------------------------------------------------------------


def prove(
    workspace: Workspace,
    source: Source,
    rewritten: dict[Path, Rewriting],
    subject: Subject,
    options: RunOptions,
) -> dict[str, Any]:
    """That the copy builds what the original builds, as the project imports it; the `proof` of `--json`."""
    ways = ways_to(workspace, source, list(rewritten))
    way = ways[0][1]
    subject = replace(
        subject,
        module=way.module,
        paths=tuple(dict.fromkeys((*way.paths, workspace.root))),
        base={source.path: source.stand_in},
        inputs=options.inputs,
        inputs_train=options.inputs_train,
    )
    overlay = workspace.overlay() | {source.path: source.adopted.content}
    given, found = builds(source, rewritten, options.builds)
    backend = RuntimeBackend(subject)
    try:
        proven, left = compared(backend, overlay, source, given, found)
        tried = backend.import_in(ways, overlay, {source.path: source.stand_in})
        imports, notes = judged_imports(workspace, ways, tried)
    finally:
        backend.close()
    number = further(given)
    whole = [name for name in proven if name in given or name in found[:number]]
    first = proven[whole[0]]
    return {
        "laws": ["builds", "keys", "elsewhere", "imports"],
        "build": whole,
        "keys_only": [name for name in proven if name not in whole],
        "not_proven": left,
        "input": first.input,
        "notes": sorted({*notes, *(note for one in proven.values() for note in one.notes)}),
        "imports": [{"from": one.importer, "as": one.module} for one in imports if one.importer],
    }


def ways_to(
    workspace: Workspace, source: Source, scripts: Sequence[Path]
) -> list[tuple[Path, WayIn]]:
    """The ways in which the project will import the copy: from each script, else as its place has it."""
    found = []
    package = (source.path.parent / "__init__.py").is_file()
    for script in scripts:
        name = module_to_import(workspace, script, source.path, package=package)
        for way in workspace.ways_into(script):
            importer = workspace.relative(script)
            module = absolute(name, way)
            if module is not None:
                found.append((source.path, WayIn((importer,), module, way.paths)))
    return found or [(source.path, way) for way in workspace.ways_into(source.path)]


def absolute(name: str, way: WayIn) -> str | None:
    """The dotted name of what a file imports by a relative name, in one way into the file."""
    level = len(name) - len(name.lstrip("."))
    if not level:
        return name
    parts = way.package.split(".") if way.package else []
    if len(parts) < level:
        return None
    return ".".join([*parts[: len(parts) - level + 1], name.lstrip(".")])


def builds(
    source: Source, rewritten: dict[Path, Rewriting], given: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The constructions that have to hold, and those of the file: the user's or the scripts', without weights."""
    tree = source.syntax.tree
    named = list(given) or [
        text
        for one in rewritten.values()
        for call in one.calls
        if (text := plain(tree, call)) is not None
    ]
    # Of the copy, whose imports are absolute.
    by_class = factories.configurations(
        ast.parse(source.adopted.content), source.syntax.document.text
    )
    first = [texts[0] for texts in by_class.values() if texts]
    rest = [text for texts in by_class.values() for text in texts[1:]]
    return list(dict.fromkeys(named)), [one for one in (*first, *rest) if one not in named]


def plain(tree: ast.Module, text: str) -> str | None:
    """A script's construction without its weights, as far as it can be made outside of the script: arguments
    whose values only the script has are left to their defaults."""
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call):
        return None
    call = without_weights(call)
    reader = Reader(tree)
    if not all(reader.plain(one) for one in call.args):
        return None
    call.keywords = [
        one
        for one in call.keywords
        if one.arg and one.arg != "pretrained_cfg" and is_literal(one.value)
    ]
    return ast.unparse(call) if all(map(is_literal, call.args)) else None


def is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def compared(
    backend: RuntimeBackend,
    overlay: dict[Path, bytes],
    source: Source,
    given: Sequence[str],
    found: Sequence[str],
) -> tuple[dict[str, ProvenConfiguration], list[str]]:
    """What was seen of each construction that is the same in both, and those that were not tried.

    Raises `does-not-build` where nothing is known that builds, and `law-broken` where the copy differs.
    """
    number = further(given)
    proposals = [Proposal(one, ()) for one in (*given, *found[:number])]
    proposals += [Proposal(one, (), "shapes") for one in found[number : number + BRIEF]]
    proven: dict[str, ProvenConfiguration] = {}
    failed: BrokenCheck | None = None
    while proposals:
        answers = backend.prove(proposals, overlay)
        for proposal, answer in zip(proposals, answers):
            if not isinstance(answer, BrokenCheck):
                proven[proposal.expression] = answer
            elif answer.code == "law-broken" or proposal.expression in given:
                raise refused(source, proposal.expression, answer)
            else:
                failed = failed or answer
        proposals = proposals[len(answers) :]
    if not any(one in proven for one in (*given, *found[:number])):
        raise not_built(source, failed)
    left = [one for one in found if one not in proven]
    return proven, left


def further(given: Sequence[str]) -> int:
    """How many constructions of the file are run, beside those that have to hold."""
    return max(0, WHOLE - len(given))


def refused(source: Source, build: str, broken: BrokenCheck) -> StitchError:
    hint = "Pass a construction and an input that work with the installed module: --build, --input"
    if broken.code == "law-broken":
        hint = "Nothing was written. Please report this, with the package's version."
    return StitchError(
        broken.code,
        f"{build} of {source.definition.module}: {broken.message}",
        where=broken.where,
        hint=hint,
        details={"law": broken.check} if broken.check else {},
    )


def not_built(source: Source, failed: BrokenCheck | None) -> StitchError:
    names = module_classes(source.syntax)
    return StitchError(
        failed.code if failed is not None else "does-not-build",
        (
            failed.message
            if failed is not None
            else f"no construction without arguments was found in {source.definition.module}"
        ),
        where=failed.where if failed is not None else str(source.definition.file),
        hint=f"Say how a model of it is built, to compare the copy with: --build '{names[-1]}(...)'",
    )
