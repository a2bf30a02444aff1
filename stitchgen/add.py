"""`stitchgen add`: from a target text to a proven plan. Floor 5.

resolve the target -> survey the configurations -> decide the places -> find the channel
expression -> plan the edits -> prove them -> hand over the changes, the ledger among them.
"""

from __future__ import annotations

from typing import Any

from stitchgen import blocks, catalog, files
from stitchgen.again import done_already
from stitchgen.catalog import Block
from stitchgen.config import Project
from stitchgen.errors import StitchError, shown_below
from stitchgen.observe import Observer
from stitchgen.observed import Survey
from stitchgen.outcome import Outcome, outcome_of
from stitchgen.own_block import is_own, read_own
from stitchgen.plan import Plan, Task
from stitchgen.planning import make_plan
from stitchgen.proof import prove
from stitchgen.read_survey import read_survey
from stitchgen.request import AddRequest
from stitchgen.resolve import check_given, no_builds, open_session, search_folders
from stitchgen.workbench import Workbench

#: Refusals that may be due to a configuration that the user did not name.
DUE_TO_OTHERS = {"configuration-dependent", "channels-unknown", "unsupported", "layout-ambiguous"}


def run(project: Project, request: AddRequest, mode: str = "apply") -> Outcome:
    """Put a block at the targets; with `mode="apply"` the changes are written.

    Raises StitchError where it cannot be done and proven; then nothing is written.
    """
    with shown_below(project.root):
        outcome = propose(project, request, dry_run=mode != "apply")
    if mode == "apply":
        files.commit(project.root, outcome.changes)
    return outcome


def propose(project: Project, request: AddRequest, dry_run: bool) -> Outcome:
    """The proven plan of a request, as an outcome that nothing has been done about yet."""
    done = done_already(project, request, dry_run)
    if done is not None:
        return done
    block = find_block(project, request.block)
    settings = blocks.check_settings(block, request.settings)
    session = open_session(project, request, Workbench(project.root))
    task = Task(project, request, block, settings, session)
    if not request.prove:
        return outcome_of(task, by_reading(task), None, dry_run)
    try:
        with Observer(session.python, session.subject) as observer:
            plan, proof = by_observing(task, observer)
    except StitchError as error:
        if error.code != "no-torch":
            raise
        return outcome_of(task, by_reading(task, error), None, dry_run, without=error)
    return outcome_of(task, plan, proof, dry_run)


def find_block(project: Project, text: str) -> Block:
    """The block of a catalog, or the user's own class."""
    if is_own(text):
        return read_own(text, search_folders(project.root))
    return catalog.get(text, project.catalogs)


def by_observing(task: Task, observer: Observer) -> tuple[Plan, dict[str, Any] | None]:
    """The plan for all configurations of the file, else for those that the user named; its proof."""
    session = task.session
    if not session.builds:
        raise no_builds(session.syntax)
    given = session.given
    survey = Survey.of(
        observer.ask(
            "survey",
            builds=list(session.builds),
            inputs=list(session.inputs),
            brief=[text for text in session.builds if given and text not in given],
        )
    )
    check_given(session, survey)
    try:
        return proven_plan(task, survey, observer)
    except StitchError as error:
        named = survey.only(given)
        fewer = 0 < len(named.configurations) < len(survey.configurations)
        if error.code not in DUE_TO_OTHERS or not fewer:
            raise
    return proven_plan(task, named, observer)


def proven_plan(
    task: Task, survey: Survey, observer: Observer, late: bool = False
) -> tuple[Plan, dict[str, Any] | None]:
    """The plan for these configurations with its proof; None where there is nothing to prove."""
    plan = make_plan(task, survey, observer, late)
    try:
        return plan, prove(task, observer, plan) if plan.fresh else None
    except StitchError as error:
        # The model's loop over its modules may not be able to initialise the block.
        if late or not plan.initialised or error.details.get("law") != "builds":
            raise
    return proven_plan(task, survey, observer, late=True)


def by_reading(task: Task, without: StitchError | None = None) -> Plan:
    """The plan where the source alone is certain; `without` is why the model was not run."""
    if task.request.every is not None:
        raise StitchError(
            "unsupported",
            "--every needs the model to run: the source alone does not tell all layers of a class"
            + (f" ({without.message})" if without is not None else ""),
            hint=(without.hint if without is not None else None) or "Leave out --no-prove.",
        )
    survey = read_survey(task.session, Workbench(task.project.root))
    try:
        return make_plan(task, survey, None)
    except StitchError as error:
        if without is not None:
            error.hint = f"{error.hint or ''} {without.message}: {without.hint}".strip()
        raise
