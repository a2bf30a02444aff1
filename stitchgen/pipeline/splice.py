"""The way of a request that splices: survey, plan, proof, outcome, files.

What is planned is the command's own: `planning.add` for `add`, `planning.fuse` for `fuse`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stitchgen.analysis.backend import Backend
from stitchgen.analysis.survey import Configuration, Survey, join
from stitchgen.analysis.variants import Variant, variants_of
from stitchgen.catalog import folders
from stitchgen.catalog.block import Block
from stitchgen.catalog.own_class import is_own, read_own
from stitchgen.errors import StitchError, UsageError, shown_below
from stitchgen.pipeline.noop import done_already
from stitchgen.pipeline.outcome import Step, outcome_of
from stitchgen.pipeline.passed_weights import check_passed_weights
from stitchgen.pipeline.proof import Proof, breaks_variant, check_not_planned, prove
from stitchgen.pipeline.survey import backend_for, has_no_construction, with_projects_own
from stitchgen.planning import block_file
from stitchgen.planning.add import make_plan
from stitchgen.planning.fuse import make_fusion
from stitchgen.planning.plan import Plan, Planning, Task
from stitchgen.project import git, transaction
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from stitchgen.project.python_files import in_project
from stitchgen.project.workspace import Workspace
from stitchgen.targets.build_errors import check_given, no_builds, nothing_built, quoted
from stitchgen.targets.model import model_of_request
from stitchgen.targets.request import FuseRequest, SpliceRequest
from stitchgen.targets.yaml_target import may_name_yaml

if TYPE_CHECKING:
    from stitchgen.analysis.runtime_backend import SharedObservers

Planner = Callable[[Planning], Plan]

#: Refusals that may be due to a configuration that the user did not name.
DUE_TO_OTHERS = {"configuration-dependent", "channels-unknown", "unsupported", "layout-ambiguous"}
#: So many of the configurations that were not planned for are named.
NAMED = 6


def run(
    project: Project,
    request: SpliceRequest,
    mode: str = "apply",
    shared: SharedObservers | None = None,
) -> Outcome:
    """Put a block at layers, or fuse the outputs of layers; with `mode="apply"` it is written.

    Observers that are `shared` with other requests stay open. Raises StitchError where it cannot be done and
    proven; then nothing is written.
    """
    if mode == "apply":
        git.check_nothing_in_progress(project.root)
    with shown_below(project.root):
        try:
            outcome = propose(project, request, dry_run=mode != "apply", shared=shared)
        except StitchError as error:
            from stitchgen.yolo.constructions import with_yaml_offers

            raise with_yaml_offers(project, request, error) from error
    if mode == "apply":
        transaction.commit(project.root, outcome.changes)
    return outcome


def propose(
    project: Project,
    request: SpliceRequest,
    *,
    dry_run: bool,
    shared: SharedObservers | None = None,
) -> Outcome:
    """The proven plan of a request, as an outcome that nothing has been done about yet."""
    if any(may_name_yaml(project, text) for text in request.targets):
        from stitchgen.pipeline import yaml_splice  # which few projects need

        request, script = yaml_splice.in_yaml(project, request)
        if yaml_splice.is_for_yaml(request):
            if len(request.blocks) > 1:
                raise UsageError(
                    "usage",
                    "a run puts one row into a YAML file",
                    hint="run the command once for each block, the last one first",
                )
            block = find_block(project, request.block)
            return yaml_splice.propose(
                project, request, block, script, dry_run=dry_run, shared=shared
            )
    if request.weights is not None:
        raise UsageError(
            "usage",
            "--weights is for rows of a YAML file: behind a new row all layers have other numbers",
            hint="leave it out; the old state_dict loads with strict=False",
        )
    done = done_already(project, request, dry_run=dry_run)
    if done is not None:
        return done
    steps: list[Step] = []
    for one in request.in_turn():
        steps.append(step_of(project, one, {} if not steps else steps[-1].left, shared))
        check_order(steps)
    return outcome_of(request, steps, dry_run=dry_run)


def step_of(
    project: Project,
    request: SpliceRequest,
    base: Mapping[Path, bytes],
    shared: SharedObservers | None = None,
) -> Step:
    """One block planned and proven, on the files as the steps before leave them."""
    task = task_of(project, request, base)
    workspace = Workspace(project.root, base=base)
    subject = task.model.subject
    with backend_for(subject, workspace, run=request.prove, shared=shared) as backend:
        plan, proof = by_running(task, backend) if backend.runs else by_reading(task, backend)
    check_passed_weights(plan)
    return Step(task, plan, proof, backend.instead_of)


def check_order(steps: Sequence[Step]) -> None:
    """Refuse a block that is there already where a new one would come to stand on its wrong side."""
    *before, last = steps
    new = [step for step in before if step.plan.fresh]
    if not new or len(last.plan.fresh) == len(last.plan.points):
        return
    there = next(point for point in last.plan.points if point.naming.present)
    block, other = last.task.request.block, new[-1].task.request.block
    prefix = there.target[: -len(there.calls.resolved.path)]
    beside = f"{prefix}{join(there.calls.owner, there.attribute)}"
    raise StitchError(
        "already-there",
        f"{block} is at {there.target} already, and {other} would come to stand nearer to the layer",
        where=there.calls.where,
        hint=f"Put {other} at that block: stitchgen add {other} --{last.task.request.placement} '{beside}'",
    )


def task_of(
    project: Project, request: SpliceRequest, base: Mapping[Path, bytes] | None = None
) -> Task:
    """Everything about a request that is known before the model is looked at. `base` are files that stand
    for those on the disk."""
    block = find_block(project, request.block) if request.block else None
    settings = block_file.check_settings(block, request.settings)
    model = model_of_request(project, request, Workspace(project.root, base=base))
    return Task(project, request, block, settings, model)


def find_block(project: Project, text: str) -> Block:
    """The block of a catalog, or the user's own class."""
    if is_own(text):
        return read_own(text, project.search_folders)
    return folders.get(text, project.catalogs)


def planner_of(request: SpliceRequest) -> Planner:
    return make_fusion if isinstance(request, FuseRequest) else make_plan


def planning_of(task: Task, survey: Survey, backend: Backend, *, late: bool = False) -> Planning:
    """What a plan is made with; its edits are in a workspace of its own."""
    workspace = Workspace(task.project.root, survey.modules, task.model.subject.base)
    return Planning(task, survey, workspace, backend, late)


def by_running(task: Task, backend: Backend) -> tuple[Plan, Proof | None]:
    """The plan for all configurations of the file, else for those that the user named; its proof."""
    subject = task.model.subject
    given = subject.given
    if has_no_construction(task.model):
        raise no_builds(task.model)
    meant = layers_meant(task)
    survey = backend.survey(
        subject.builds,
        brief=[text for text in subject.builds if given and text not in given],
        # A linear reduction keeps the axes where they lie, which the meta device does not tell.
        strides=task.request.reduce == "linear",
        meant=meant,
        # A block of maps goes onto the positions of a sequence as a map that some layer before gave.
        others=task.block is None or task.block.dims_for("NLC") is None,
    )
    check_given(task.model, survey)
    survey = with_projects_own(task.model, survey, backend)
    if not subject.builds and not survey.configurations:
        raise nothing_built(task.model, survey)
    variants = variants_to_build(task, survey)
    if variants:
        found = backend.survey_variants(variants, meant)
        survey = survey.with_variants(variants, found)
    named = survey.only((*given, *subject.relatives))
    tried = [survey, survey.without_variants() if survey.variants else named, named]
    refused: StitchError | None = None
    for known in tried:
        if refused is not None and not 0 < len(known.configurations) < len(survey.configurations):
            raise refused
        try:
            plan, proof = proven_plan(task, known, backend)
        except StitchError as error:
            if error.code not in DUE_TO_OTHERS or known is tried[-1]:
                raise
            refused = refused or error
            continue
        if refused is None or proof is None:
            return plan, proof
        planned = {one.expression for one in known.configurations}
        left = [one for one in survey.configurations if one.expression not in planned]
        check_not_planned(planning_of(task, known, backend), plan, survey, left)
        if breaks_variant(planning_of(task, known, backend), plan, survey, left):
            refused.suggestions += [f"--build '{quoted(one)}'" for one in proof.builds[:1]]
            raise refused
        return plan, with_note(proof, left, refused)
    raise AssertionError("the last survey is planned or refused")


def layers_meant(task: Task) -> set[str] | None:
    """The last names of the layers that are asked for; None where a pattern may mean any."""
    model = task.model
    located = [*model.located, *model.with_, *([model.into] if model.into else [])]
    # A class alone means its instances, whatever they are called.
    names = [one.names[-1] for one in located if one.names[1:]]
    open_ended = task.request.every is not None or len(names) < len(located)
    if open_ended or any(set(name) & set("*?[") for name in names):
        return None
    return set(names)


def with_note(proof: Proof, left: Sequence[Configuration], refused: StitchError) -> Proof:
    """The proof with a note of the configurations that were not planned for, and why."""
    if not left:
        return proof
    named = ", ".join(one.expression for one in left[:NAMED])
    named += f" and {len(left) - NAMED} more" if left[NAMED:] else ""
    note = f"Not planned for {named}: {refused.message}."
    return replace(proof, notes=(*proof.notes, note))


def variants_to_build(task: Task, survey: Survey) -> list[Variant]:
    """Other configurations of the model that the user named, or of the smallest that was found."""
    model = task.model
    workspace = Workspace(task.project.root, base=model.subject.base)
    given = [one for one in survey.configurations if one.expression in model.subject.given]
    found = given or sorted(survey.configurations, key=lambda one: one.parameters)
    names = {one.names[0] for one in model.located if one.names}
    meant = [
        one
        for one in found
        if any(about.name in names for about in map(survey.classes.get, classes_in(one)) if about)
    ]
    for one in (meant or found)[:1]:
        about = survey.class_of(one)
        if in_project(about.file, task.project.root):
            syntax = workspace.syntax(about.file)
            return variants_of(
                syntax,
                about.name,
                one.class_key,
                one.expression,
                Path(about.file),
                workspace.imports,
            )
    return []


def classes_in(configuration: Configuration) -> set[str]:
    """The keys of the classes of a model and its layers."""
    return {configuration.class_key, *(one.class_key for one in configuration.layers.values())}


def proven_plan(
    task: Task, survey: Survey, backend: Backend, *, late: bool = False
) -> tuple[Plan, Proof | None]:
    """The plan for these configurations with its proof; None where there is nothing to prove."""
    planning = planning_of(task, survey, backend, late=late)
    plan = planner_of(task.request)(planning)
    try:
        return plan, prove(planning, plan) if plan.fresh else None
    except StitchError as error:
        # The model's loop over its modules may not be able to initialise the block.
        initialised = any(point.definition.initialised_at for point in plan.points)
        if late or not initialised or error.details.get("law") != "builds":
            raise
    return proven_plan(task, survey, backend, late=True)


def by_reading(task: Task, backend: Backend) -> tuple[Plan, None]:
    """The plan where the source alone is certain."""
    without = backend.instead_of
    if task.request.every is not None:
        raise StitchError(
            "unsupported",
            "--every needs the model to run: the source alone does not tell all layers of a class"
            + (f" ({without.message})" if without is not None else ""),
            hint=(without.hint if without is not None else None) or "Leave out --no-prove.",
        )
    survey = backend.survey(())
    try:
        return planner_of(task.request)(planning_of(task, survey, backend)), None
    except StitchError as error:
        if without is not None:
            # What reading alone does not tell is for the torch that is missing.
            hint = "" if "leave out --no-prove" in (error.hint or "") else error.hint
            error.hint = f"{hint or ''} {without.message}: {without.hint}".strip()
        raise
