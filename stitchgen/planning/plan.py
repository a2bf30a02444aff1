"""What a request is planned with, and the plan: the edits of all files before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stitchgen.analysis.backend import Backend
from stitchgen.analysis.survey import Survey
from stitchgen.catalog.block import Block
from stitchgen.planning.point import InsertionPoint
from stitchgen.project.config import Project
from stitchgen.project.workspace import Workspace
from stitchgen.targets.model import TargetModel
from stitchgen.targets.request import SpliceRequest
from stitchgen.targets.surveyed import SurveyedModel

#: A warning, ready for the report: `code`, `message`, and where they apply `where` and `hint`.
Warning = Mapping[str, str]


@dataclass(frozen=True)
class Task:
    """A request, with everything that is known before the model is looked at."""

    project: Project
    request: SpliceRequest
    block: Block | None  # None: layers are fused, and there is no block
    settings: Mapping[str, str]  # the `--set` values as source
    model: TargetModel


@dataclass(frozen=True)
class Planning:
    """One task, what was found out about its model, and the files in which the plan grows."""

    task: Task
    survey: Survey
    workspace: Workspace
    backend: Backend
    late: bool = False  # blocks are defined below the model's own initialisation of its modules

    @property
    def project(self) -> Project:
        return self.task.project

    @property
    def request(self) -> SpliceRequest:
        return self.task.request

    @property
    def block(self) -> Block:
        """The block of the request, which has one."""
        assert self.task.block is not None
        return self.task.block

    def is_further(self, point: InsertionPoint) -> bool:
        """Whether a pattern found the layer only in configurations that nobody named: what a loop does for all
        layers serves it as well."""
        given, variants = self.task.model.subject.given, self.survey.variants
        builds = [one.configuration.expression for one in point.calls.instances]
        if not point.calls.resolved.pattern or self.survey.read:
            return False  # what was read stands for all constructions
        return all(build in variants or (given and build not in given) for build in builds)

    @property
    def surveyed(self) -> SurveyedModel:
        return SurveyedModel(self.task.model, self.survey, self.workspace)


@dataclass(frozen=True)
class Plan:
    """Everything decided, before anything is written."""

    workspace: Workspace
    points: tuple[InsertionPoint, ...]
    uses: frozenset[str] = frozenset()  # block files, relative to the root
    passed_over: tuple[str, ...] = ()  # layers of a class that are never called
    notes: tuple[Warning, ...] = ()

    further: frozenset[str] = frozenset()  # targets that the models named by the user do not have

    @property
    def shown(self) -> list[InsertionPoint]:
        """The points of the report and the ledger."""
        return [point for point in self.points if point.target not in self.further]

    @property
    def fresh(self) -> list[InsertionPoint]:
        """The points at which something is to be written."""
        return [point for point in self.points if not point.naming.present]
