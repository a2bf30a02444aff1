"""Run the model, or read its source where it is not to be run or no torch is to be found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from stitchgen.analysis.backend import Backend
from stitchgen.analysis.subject import Subject
from stitchgen.analysis.survey import Configuration, Survey
from stitchgen.errors import StitchError
from stitchgen.project.workspace import Workspace
from stitchgen.source.syntax import module_classes
from stitchgen.targets.build_errors import outermost, wanted_classes
from stitchgen.targets.build_offers import safe_constructions
from stitchgen.targets.builds_around import constructions_around
from stitchgen.targets.constructions_alike import relatives_of
from stitchgen.targets.model import TargetModel

if TYPE_CHECKING:
    from stitchgen.analysis.runtime_backend import SharedObservers

#: So many constructions of the project are tried, where none of the file builds what is asked for.
MOST_OFFERS = 4


@contextmanager
def backend_for(
    subject: Subject, workspace: Workspace, *, run: bool, shared: SharedObservers | None = None
) -> Iterator[Backend]:
    """The backend that serves; it is closed at the end.

    Without torch the model is read all the same, and `instead_of` of the backend says why.
    Of `shared` observers it takes one, which stays open.
    """
    backend = open_backend(subject, workspace, run=run, shared=shared)
    try:
        yield backend
    finally:
        backend.close()


def open_backend(
    subject: Subject, workspace: Workspace, *, run: bool, shared: SharedObservers | None = None
) -> Backend:
    reason = None
    if run:
        from stitchgen.analysis.runtime_backend import RuntimeBackend

        try:
            return RuntimeBackend(subject, shared)
        except StitchError as error:
            if error.code != "no-torch":
                raise
            reason = error
    from stitchgen.analysis.static_backend import StaticBackend

    return StaticBackend(subject, workspace, reason)


def with_projects_own(model: TargetModel, survey: Survey, backend: Backend) -> Survey:
    """With the first construction of the project that builds a class that is asked for, where the file
    itself offers none and the user has named none."""
    subject, syntax = model.subject, model.syntax
    wanted = classes_asked_for(model)
    if survey.read or subject.given or model.script is not None or model.unread:
        return survey
    if not wanted or any(has_class(survey, one, wanted) for one in survey.configurations):
        return survey
    failures = dict(survey.failures)
    for offers in (offers_of_file, offers_around):
        tried = [one for one in offers(model, wanted) if one not in subject.builds][:MOST_OFFERS]
        for number, text in enumerate(tried):
            found = backend.survey([text])
            if any(has_class(found, one, wanted) for one in found.configurations):
                alike = dict.fromkeys((*relatives_of(syntax, text), *tried[number + 1 :]))
                others = list(alike)[:MOST_OFFERS]
                rest = backend.survey(others, brief=others) if others else Survey((), {})
                return survey.with_more(found).with_more(rest)
            failures |= found.failures
    # What the project builds and how that fails tells more than that the file builds nothing.
    return survey if survey.configurations else replace(survey, failures=failures)


def built_by_the_project(model: TargetModel) -> TargetModel:
    """With the constructions that the project has, where the file has none and the user has named none."""
    if model.subject.builds or model.script is not None or model.unread:
        return model
    found = projects_own(model, classes_asked_for(model))[:MOST_OFFERS]
    return replace(model, subject=replace(model.subject, builds=tuple(found)))


def classes_asked_for(model: TargetModel) -> set[str]:
    """The classes that a construction has to be of, or to hold."""
    wanted = wanted_classes(model)
    if names_nothing(model) and wanted:
        return {outermost(model.syntax, wanted)}
    return set(wanted)


def projects_own(model: TargetModel, classes: set[str]) -> list[str]:
    """The constructions that the project has of these classes, or of what is made of them in other files."""
    return offers_of_file(model, classes) or offers_around(model, classes)


def offers_of_file(model: TargetModel, classes: set[str]) -> list[str]:
    return safe_constructions(model.subject.root, model.file, model.syntax, classes)


def offers_around(model: TargetModel, classes: set[str]) -> list[str]:
    found = constructions_around(model.subject.root, model.file, classes)
    return [one.text for one in found if "..." not in one.text]


def has_no_construction(model: TargetModel) -> bool:
    """Whether reading alone tells that there is nothing to build, before anything is imported."""
    if model.subject.builds or model.script is not None or model.unread:
        return False
    wanted = set(wanted_classes(model))
    return bool(wanted) and not projects_own(model, wanted)


def names_nothing(model: TargetModel) -> bool:
    """Whether the file alone is named, and its whole model meant."""
    return bool(module_classes(model.syntax)) and not any(model.subject.names)


def has_class(survey: Survey, configuration: Configuration, names: set[str]) -> bool:
    """Whether a model is, or has a layer, of a class of one of these names, or of one that derives from it."""
    keys = {configuration.class_key, *(one.class_key for one in configuration.layers.values())}
    lineages = {base for key in keys for base in survey.lineage(key)}
    return any(about.name in names for key in lineages if (about := survey.classes.get(key)))
