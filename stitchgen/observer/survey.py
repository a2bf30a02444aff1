"""Build every configuration, run it, and report its layers."""

from __future__ import annotations

import time
from typing import Dict, List, Optional, Sequence, Set

from stitchgen.observer import memory, progress
from stitchgen.observer.channel_axis import ChannelAxes
from stitchgen.observer.failure import Failure
from stitchgen.observer.inputs import Source
from stitchgen.observer.layers import ChannelAxisOf, Classes, Kind, LayerReports
from stitchgen.observer.models import (
    DEVICES,
    RAN_ON_META,
    build,
    find_input,
    run,
    source_in_train,
    train_batch,
)
from stitchgen.observer.modes import set_mode
from stitchgen.observer.project import Project
from stitchgen.observer.protocol import Build, SurveyAnswer, SurveyRequest
from stitchgen.observer.tracing.call_expressions import Sources
from stitchgen.observer.tracing.calls import SHAPES, Call, Calls
from stitchgen.observer.tracing.definitions import Definitions

#: A configuration that nobody named may take this part of the memory, one over the number.
OF_ANOTHER = 4


def survey(project: Project, request: SurveyRequest) -> SurveyAnswer:
    """All builds of the request, and the classes that were seen; a build that fails says why."""
    surveyor = Surveyor(project, request)
    builds: List[Build] = []
    for expression in request["builds"]:
        started = time.time()
        progress.doing("building %s" % expression)
        report: Build
        try:
            report = surveyor.build(expression)
        except Failure as failure:
            report = {"ok": False, "error": failure.report, "expression": expression, "seconds": 0}
        report["seconds"] = round(time.time() - started, 3)
        builds.append(report)
    return {
        "builds": builds,
        "classes": surveyor.classes.found,
        "stood_in": project.stood_in,
        "notes": project.notes(),
    }


class Surveyor:
    """Surveys the configurations of a request, one by one."""

    def __init__(self, project: Project, request: SurveyRequest) -> None:
        self.project = project
        self.inputs: Sequence[str] = request.get("inputs") or []
        self.inputs_train: Sequence[str] = request.get("inputs_train") or []
        #: Those that are run in eval alone, and once where a run takes time.
        self.brief = set(request.get("brief") or ())
        self.axes_of = request.get("axes_of")
        self.axes_read = request.get("axes_read", False)
        self.devices = DEVICES[-1:] if request.get("strides") else DEVICES
        self.classes = Classes()
        #: The axes that were found, by the kind of feature: the code is the same, whatever the widths are.
        self.axes: Dict[Kind, Set[Optional[int]]] = {}

    def build(self, expression: str) -> Build:
        """The report of one configuration; raises `Failure`."""
        for device in self.devices:
            try:
                return self.build_on(expression, device)
            except Exception:
                # The meta device gives shapes cheaply, but not every model allows it.
                if device is None:
                    raise
        raise AssertionError("the last device is the CPU, where every failure is raised")

    def build_on(self, expression: str, device: Optional[str]) -> Build:
        definitions = Definitions()
        with definitions:
            model = build(self.project, expression, device)
        brief = expression in self.brief
        with Calls(model, Sources()) as calls:
            source = find_input(self.project, model, self.inputs, device, calls)
            calls.note_overwritten()
            base = calls.records
            variants: List[Optional[List[Call]]] = []
            for number, variant in enumerate(source.variants()):
                if number == 0 or (brief and device is None):
                    continue
                calls.begin(SHAPES)
                try:
                    run(model, variant, device, number)
                    variants.append(calls.records)
                except Exception:
                    # A fixed size is no fault: the axes are determined by other means.
                    variants.append(None)
            set_mode(model, training=True)
            calls.begin("train")
            train_error = None
            try:
                if not brief:
                    trained = source_in_train(self.project, self.inputs_train, source)
                    run(model, trained, device, batch=train_batch(trained))
            except Exception as error:
                train_error = "%s: %s" % (type(error).__name__, str(error).splitlines()[:1])
            train = calls.records
            reports = LayerReports(
                model,
                definitions,
                self.classes,
                calls.weights_read,
                self.channel_axes(expression, source),
                self.axes_of,
                axes_read=self.axes_read,
            )
            found = reports.all(base, variants, train)
            if device is not None:
                RAN_ON_META.add(expression)
            return {
                "ok": True,
                "expression": expression,
                "seconds": 0,
                "class_key": self.classes.key_of(type(model)),
                "parameters": sum(parameter.numel() for parameter in model.parameters()),
                "input": source.describe(),
                "device": device or "cpu",
                "train_error": train_error,
                "layers": found,
                "frames": reports.frames,
            }

    def channel_axes(self, expression: str, source: Source) -> ChannelAxisOf:
        """What asks an experiment with the model, which is run when it is first asked for."""
        experiments: List[Optional[ChannelAxes]] = []

        # One argument may be what moves the channels.
        alike = expression in self.brief and expression not in self.project.variants

        def channel_axis(
            path: str,
            number: int,
            side: str,
            element: Optional[str],
            batch: int,
            kind: Kind,
            *,
            by_gradients: bool,
        ) -> Optional[int]:
            known = self.axes.setdefault(kind, set())
            if alike and len(known) == 1:
                return next(iter(known))
            if not experiments:
                try:
                    if expression in self.brief and expression in memory.SIZES:
                        memory.check_fits(expression, memory.SIZES[expression], OF_ANOTHER)
                    model = build(self.project, expression)
                    experiments.append(ChannelAxes(model, source))
                except Exception:
                    # A model that runs on the meta device alone, or without gradients.
                    experiments.append(None)
            experiment = experiments[0]
            if experiment is None:
                return None
            if not by_gradients:
                return experiment.axis_recorded(path, number, side, element, batch)
            axis = experiment.channel_axis(path, number, side, element, batch)
            known.add(axis)
            return axis

        return channel_axis
