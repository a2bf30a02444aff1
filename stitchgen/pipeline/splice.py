"""The way of a request that splices: survey, plan, proof, outcome, files.

What is planned is the command's own: `planning` for `add`, `fusing` for `fuse`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stitchgen.analysis.runtime_backend import Observer
from stitchgen.analysis.static_backend import read_survey
from stitchgen.analysis.survey import Survey
from stitchgen.catalog import folders
from stitchgen.catalog.block import Block
from stitchgen.catalog.own_class import is_own, read_own
from stitchgen.errors import StitchError, shown_below
from stitchgen.pipeline.noop import done_already
from stitchgen.pipeline.outcome import Outcome, outcome_of
from stitchgen.pipeline.proof import prove
from stitchgen.planning import block_file
from stitchgen.planning.add import make_plan
from stitchgen.planning.fuse import make_fusion
from stitchgen.planning.plan import Plan, Task
from stitchgen.project import transaction
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workbench
from stitchgen.targets.build_errors import check_given, no_builds
from stitchgen.targets.model import open_session, search_folders
from stitchgen.targets.request import AddRequest, FuseRequest

#: A task, what was seen of the model, whom to ask for more (None: nobody), and whether blocks are
#: defined below the model's own initialisation.
Planner = Callable[[Task, Survey, Observer | None, bool], Plan]

#: Refusals that may be due to a configuration that the user did not name.
DUE_TO_OTHERS = {"configuration-dependent", "channels-unknown", "unsupported", "layout-ambiguous"}


def run(project: Project, request: AddRequest, mode: str = "apply") -> Outcome:
    """Put a block at layers, or fuse the outputs of layers; with `mode="apply"` it is written.

    Raises StitchError where it cannot be done and proven; then nothing is written.
    """
    with shown_below(project.root):
        outcome = propose(project, request, mode != "apply")
    if mode == "apply":
        transaction.commit(project.root, outcome.changes)
    return outcome


def propose(project: Project, request: AddRequest, dry_run: bool) -> Outcome:
    """The proven plan of a request, as an outcome that nothing has been done about yet."""
    planner = make_fusion if isinstance(request, FuseRequest) else make_plan
    done = done_already(project, request, dry_run)
    if done is not None:
        return done
    block = find_block(project, request.block) if request.block else None
    settings = block_file.check_settings(block, request.settings)
    session = open_session(project, request, Workbench(project.root))
    task = Task(project, request, block, settings, session)
    if not request.prove:
        return outcome_of(task, by_reading(task, planner), None, dry_run)
    try:
        with Observer(session.subject.python, session.subject) as observer:
            plan, proof = by_observing(task, observer, planner)
    except StitchError as error:
        if error.code != "no-torch":
            raise
        return outcome_of(task, by_reading(task, planner, error), None, dry_run, without=error)
    return outcome_of(task, plan, proof, dry_run)


def find_block(project: Project, text: str) -> Block:
    """The block of a catalog, or the user's own class."""
    if is_own(text):
        return read_own(text, search_folders(project.root))
    return folders.get(text, project.catalogs)


def by_observing(
    task: Task, observer: Observer, planner: Planner
) -> tuple[Plan, dict[str, Any] | None]:
    """The plan for all configurations of the file, else for those that the user named; its proof."""
    session = task.session
    if not session.subject.builds:
        raise no_builds(session)
    given = session.subject.given
    survey = Survey.of(
        observer.ask(
            "survey",
            builds=list(session.subject.builds),
            inputs=list(session.subject.inputs),
            brief=[text for text in session.subject.builds if given and text not in given],
            # A linear reduction keeps the axes where they lie, which the meta device does not tell.
            strides=task.request.reduce == "linear",
        )
    )
    check_given(session, survey)
    try:
        return proven_plan(task, survey, observer, planner)
    except StitchError as error:
        named = survey.only(given)
        fewer = 0 < len(named.configurations) < len(survey.configurations)
        if error.code not in DUE_TO_OTHERS or not fewer:
            raise
    return proven_plan(task, named, observer, planner)


def proven_plan(
    task: Task, survey: Survey, observer: Observer, planner: Planner, late: bool = False
) -> tuple[Plan, dict[str, Any] | None]:
    """The plan for these configurations with its proof; None where there is nothing to prove."""
    plan = planner(task, survey, observer, late)
    try:
        return plan, prove(task, survey, observer, plan) if plan.fresh else None
    except StitchError as error:
        # The model's loop over its modules may not be able to initialise the block.
        if late or not plan.initialised or error.details.get("law") != "builds":
            raise
    return proven_plan(task, survey, observer, planner, late=True)


def by_reading(task: Task, planner: Planner, without: StitchError | None = None) -> Plan:
    """The plan where the source alone is certain; `without` is why the model was not run."""
    if task.request.every is not None:
        raise StitchError(
            "unsupported",
            "--every needs the model to run: the source alone does not tell all layers of a class"
            + (f" ({without.message})" if without is not None else ""),
            hint=(without.hint if without is not None else None) or "Leave out --no-prove.",
        )
    survey = read_survey(task.session.subject, Workbench(task.project.root))
    try:
        return planner(task, survey, None, False)
    except StitchError as error:
        if without is not None:
            # What reading alone does not tell is for the torch that is missing.
            hint = "" if "leave out --no-prove" in (error.hint or "") else error.hint
            error.hint = f"{hint or ''} {without.message}: {without.hint}".strip()
        raise
