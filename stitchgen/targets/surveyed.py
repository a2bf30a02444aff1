"""A model file together with what was found out about its model: what targets are resolved against."""

from __future__ import annotations

from dataclasses import dataclass

from stitchgen.analysis.survey import Survey
from stitchgen.project.workspace import Workspace
from stitchgen.targets.model import TargetModel


@dataclass(frozen=True)
class SurveyedModel:
    """The model of a request, its survey, and the files in which both are looked up."""

    model: TargetModel
    survey: Survey
    workspace: Workspace
