"""`stitchgen prove`: the checks of the proof on an edit that is in the files already, whoever made it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stitchgen.analysis.backend import (
    BrokenCheck,
    EditedConfiguration,
    NewModule,
    NotComparable,
    ProvenEdit,
)
from stitchgen.analysis.runtime_backend import RuntimeBackend
from stitchgen.analysis.survey import Survey
from stitchgen.analysis.variants import Variant, variants_of
from stitchgen.errors import StitchError, shown_below, unsupported
from stitchgen.pipeline.edit_base import (
    Base,
    arguments_of,
    as_it_was,
    base_in_file,
    base_of,
    edited_model,
)
from stitchgen.pipeline.proof import CHECKS, PROVEN, Proof, judged_imports, ways_with_importers
from stitchgen.pipeline.survey import built_by_the_project
from stitchgen.project.advice import for_project
from stitchgen.project.config import Project
from stitchgen.project.python_files import in_project
from stitchgen.project.ways_in import WayIn
from stitchgen.project.workspace import Workspace
from stitchgen.targets.build_errors import no_builds, with_offers
from stitchgen.targets.model import RunOptions, TargetModel, model_named


@dataclass(frozen=True)
class ProveRequest:
    """An edit that is to be proven, and how its model is built and run."""

    model: str | None = None
    base: str = "HEAD"
    options: RunOptions = field(default_factory=RunOptions)


@dataclass(frozen=True)
class Comparison:
    """The edit of one model file."""

    project: Project
    base: Base
    model: TargetModel
    workspace: Workspace
    variants: tuple[Variant, ...] = ()


def run(project: Project, request: ProveRequest) -> dict[str, Any]:
    """The report of the proof; raises StitchError where a check does not hold. Nothing is written."""
    with shown_below(project.root):
        workspace = Workspace(project.root)
        base = base_of(project, request.base)
        if base is not None and not base.old and not base.new:
            return report(None, [], None, [])
        named = request.model
        if named is None:
            if base is None:
                raise StitchError(
                    "bad-argument",
                    f"it is not said which file is to be compared with {request.base}",
                    hint=f"stitchgen prove model.py --base {request.base}",
                )
            named = edited_model(project, base, workspace)
        model = built_by_the_project(model_named(project, named, request.options, workspace))
        base = base or base_in_file(request.base, model.file)
        check_comparable(base, model, workspace)
        return proven(Comparison(project, base, model, workspace))


def check_comparable(base: Base, model: TargetModel, workspace: Workspace) -> None:
    path = workspace.relative(model.file)
    if model.script is not None:
        raise unsupported(
            f"{model.script.name} is a variable of {path}: prove compares models that a file defines",
            path,
            "Name the file with the model's class.",
        )
    if model.file in base.new:
        raise StitchError(
            "target-not-found",
            f"{path} is not in {base.name}: there is nothing to compare it with",
            where=path,
            hint="Name the file as it was: stitchgen prove "
            f"{path} --base OLD_FILE.py, or another revision: --base REV",
        )
    if not model.subject.builds:
        raise no_builds(model)


def proven(edit: Comparison) -> dict[str, Any]:
    """The report of the proof in all configurations; raises for the first check that does not hold."""
    backend = RuntimeBackend(edit.model.subject)
    try:
        imports, said = imported(edit, backend)
        survey = surveyed(edit, backend)
        edit = replace(edit, variants=tuple(variants_in(edit, survey)))
        configurations = [*configurations_of(edit, survey), *varied(edit)]
        answers = backend.prove_edit(configurations, edit.base.old, edit.variants)
    finally:
        backend.close()
    found, left = judged(edit, configurations, answers)
    whole = [one.expression for one in configurations if not one.brief and one.expression in found]
    main = next((name for name in whole if found[name].modules), next(iter(found)))
    proof = proof_of(edit, found, whole, main, imports, said, left)
    names = {one.expression: survey.class_of(one).name for one in survey.configurations}
    new = splices(edit, names, main, found[main].modules)
    return report(edit, new, proof, warnings_of(edit, proof))


def imported(edit: Comparison, backend: RuntimeBackend) -> tuple[tuple[WayIn, ...], list[str]]:
    """The ways in which the project imports the edited files; refuses where one no longer works."""
    ways = ways_with_importers(edit.workspace, edit.base.edited)
    tried = backend.import_in(ways, {}, edit.base.old) if ways else []
    return judged_imports(edit.workspace, ways, tried)


def surveyed(edit: Comparison, backend: RuntimeBackend) -> Survey:
    """The configurations as they are now; where the edited file cannot even be imported, none."""
    builds = edit.model.subject.builds
    try:
        return backend.survey(builds, brief=builds)
    except StitchError as error:
        if error.code != "does-not-build":
            raise
        return Survey([], {})  # the proof says whether that is the edit's fault


def judged(
    edit: Comparison,
    configurations: Sequence[EditedConfiguration],
    answers: Sequence[ProvenEdit | BrokenCheck | NotComparable],
) -> tuple[dict[str, ProvenEdit], list[str]]:
    """What was proven, by configuration, and which cannot be compared; refuses what does not hold."""
    found: dict[str, ProvenEdit] = {}
    failures: list[tuple[str, NotComparable]] = []
    for one, answer in zip(configurations, answers):
        if isinstance(answer, BrokenCheck):
            raise refusal(edit, one, answer)
        if isinstance(answer, NotComparable):
            failures.append((one.expression, answer))
        else:
            found[one.expression] = answer
    given = [failed for failed in failures if failed[0] in edit.model.subject.given]
    if given or not found:
        raise not_comparable(edit, given or failures)
    variants = {one.name for one in edit.variants}
    return found, [name for name, _ in failures if name not in variants]


def configurations_of(edit: Comparison, survey: Survey) -> list[EditedConfiguration]:
    """The configurations to be proven: those that fail now first, then the smallest; the rest briefly."""
    subject = edit.model.subject
    sizes = {one.expression: one.parameters for one in survey.configurations}
    wanted = subject.given or subject.builds
    order = sorted(wanted, key=lambda text: (text in sizes, sizes.get(text, 0)))
    before = edit.base.syntax(edit.model.file, edit.workspace)
    known = before.top_level_names
    if not subject.given:  # a class that is the edit's own is no configuration of the old model
        order = [text for text in order if text.partition("(")[0] in known] or order
    failing = [text for text in order if text not in sizes]
    whole = [*failing, *[text for text in order if text in sizes][:PROVEN]]
    return [
        EditedConfiguration(text, as_it_was(text, before), brief=text not in whole)
        for text in order
    ]


def variants_in(edit: Comparison, survey: Survey) -> list[Variant]:
    """Constructions of the smallest configuration with one argument changed."""
    given = edit.model.subject.given
    known = edit.base.syntax(edit.model.file, edit.workspace).top_level_names
    for one in sorted(survey.configurations, key=lambda one: one.parameters):
        about = survey.class_of(one)
        if (given and one.expression not in given) or not in_project(about.file, edit.project.root):
            continue
        if given or one.expression.partition("(")[0] in known:
            syntax = edit.workspace.syntax(about.file)
            return variants_of(
                syntax,
                about.name,
                one.class_key,
                one.expression,
                Path(about.file),
                edit.workspace.imports,
            )
    return []


def varied(edit: Comparison) -> list[EditedConfiguration]:
    """The variants: in whole where the argument is the edit's own, and the old model is the one without it."""
    before = edit.base.syntax(edit.model.file, edit.workspace)
    found = []
    for one in edit.variants:
        name = one.class_key.partition(":")[2]
        known = arguments_of(before, name)
        own = known is not None and one.argument not in known
        found.append(EditedConfiguration(one.name, one.build if own else one.name, brief=not own))
    return found


# The report ---------------------------------------------------------------------------------------


def proof_of(
    edit: Comparison,
    found: dict[str, ProvenEdit],
    whole: Sequence[str],
    main: str,
    imports: Sequence[WayIn],
    said: Sequence[str],
    left: Sequence[str],
) -> Proof:
    variants = {one.name for one in edit.variants}
    first = found[main].proven
    notes = {note for one in found.values() for note in one.proven.notes} | set(said)
    return Proof(
        builds=tuple(whole),
        unchanged=(
            tuple(name for name in whole if not found[name].modules) if found[main].modules else ()
        ),
        not_proven=tuple(left),
        configurations={
            "project": len([name for name in found if name not in variants]),
            "variants": len([name for name in found if name in variants]),
        },
        params_added=first.params_added,
        macs_added=first.macs_added,
        input=first.input,
        notes=tuple(sorted(notes)),
        keys=first.keys,
        unshown=frozenset(check for one in found.values() for check in one.proven.unshown),
        imports=tuple(imports),
    )


def splices(
    edit: Comparison, names: dict[str, str], main: str, modules: Sequence[NewModule]
) -> list[dict[str, Any]]:
    """What is new and where it sits, as `add` reports it."""
    path = edit.workspace.relative(edit.model.file)
    plain = next((one.build for one in edit.variants if one.name == main), main)
    prefix = f"{path}::{names.get(main) or names.get(plain) or ''}"
    return [
        {
            "target": f"{prefix}.{one.target}",
            "placement": one.placement,
            "attribute": one.path,
            "block": one.class_name,
            "strategy": "edit",
            **({"fuse": one.fuse} if one.fuse else {}),
            **({"gate": one.gate} if one.gate else {}),
            "channels": {"expression": None, "value": one.channels, "evidence": "observed"},
            "readers": [],
            "where": [
                edit.workspace.relative(place.rpartition(":")[0]) + ":" + place.rpartition(":")[2]
                for place in (one.defined, one.called)
                if place
            ],
        }
        for one in modules
    ]


def warnings_of(edit: Comparison, proof: Proof) -> list[dict[str, str]]:
    keys = proof.keys
    if keys.added or keys.lost or keys.reshaped:
        return for_project(edit.workspace.imports, edit.model.file)
    return []


def report(
    edit: Comparison | None,
    found: list[dict[str, Any]],
    proof: Proof | None,
    warnings: Sequence[dict[str, str]],
) -> dict[str, Any]:
    """The `--json` object, in the shape of that of `add`."""
    keys = proof.keys.as_dict() if proof is not None else {"added": [], "lost": [], "reshaped": []}
    return {
        "ok": True,
        "command": "prove",
        "base": edit.base.name if edit is not None else None,
        "block": None,
        "dry_run": True,
        "splices": found,
        "files": edit.base.files(edit.workspace) if edit is not None else [],
        "proof": proof.as_dict() if proof is not None else None,
        "keys": keys,
        "warnings": list(warnings),
    }


# Refusals -----------------------------------------------------------------------------------------


def refusal(edit: Comparison, one: EditedConfiguration, broken: BrokenCheck) -> StitchError:
    """A check that does not hold, with the line that it is about."""
    check = broken.check or next(iter(CHECKS))
    details = {key: text for key, text in (("law", check), ("mode", broken.mode)) if text}
    return StitchError(
        "law-broken",
        f"{one.expression}: {check}: {broken.message}",
        where=broken.where or first_change(edit),
        hint=CHECKS[check],
        details=details,
    )


def first_change(edit: Comparison) -> str:
    """`path:line` of the first line of the model file that the edit changed, else of another file."""
    files = [edit.model.file, *edit.base.edited]
    for file in dict.fromkeys(files):
        if file not in edit.base.old:
            continue
        before = edit.base.syntax(file, edit.workspace).document.text.splitlines()
        now = edit.workspace.syntax(file).document.text.splitlines()
        for tag, _, _, start, _ in difflib.SequenceMatcher(None, before, now, False).get_opcodes():
            if tag != "equal":
                return f"{edit.workspace.relative(file)}:{min(start + 1, len(now))}"
    return edit.workspace.relative(edit.model.file)


def not_comparable(edit: Comparison, failures: Sequence[tuple[str, NotComparable]]) -> StitchError:
    """That the model as it was does not build or run, so that there is nothing to compare with."""
    expression, answer = failures[0]
    failure = answer.failure
    error = StitchError(
        failure.code,
        f"{expression}: the model as it was in {edit.base.name}: {failure.message}",
        where=failure.where,
        hint="Pass a construction that both have, and what the model takes: --build EXPR --input SHAPE",
    )
    return with_offers(edit.model, error) if failure.code == "does-not-build" else error
