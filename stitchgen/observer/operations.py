"""What the observer can be asked: survey the layers, evaluate expressions, prove an edit, follow the tensors."""

from __future__ import annotations

import base64
import contextlib
import re
import time
import traceback
from typing import Dict, Iterator, List, Mapping, Optional, Tuple, Union

import torch
from torch import nn

from stitchgen.observer import (
    batch_of_one,
    expressions,
    flow,
    fused,
    installed,
    kept,
    memory,
    model_functions,
    no_cuda,
    parameter_groups,
    progress,
    proof,
    relatives,
    survey,
    threads,
    uncalled_methods,
)
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.wording import few, short
from stitchgen.observer.edits.hypotheses import Hypothesis
from stitchgen.observer.edits.prove import prove_edit
from stitchgen.observer.edits.rules import EditFailed
from stitchgen.observer.failure import Failure, exit_of, failure_of, note_import_fault
from stitchgen.observer.forwards.models import Original
from stitchgen.observer.inside import name_as_before
from stitchgen.observer.models import (
    DEVICES,
    build,
    find_input,
    run,
    source_in_train,
    train_batch,
)
from stitchgen.observer.modes import set_mode
from stitchgen.observer.project import Project
from stitchgen.observer.protocol import (
    NOT_TRIED,
    EditOfBuild,
    Error,
    EvaluateAnswer,
    EvaluateRequest,
    FlowAnswer,
    FlowRequest,
    ImportAnswer,
    ImportRequest,
    LookUpAnswer,
    ModelRequest,
    ProofOfBuild,
    ProveAnswer,
    ProveEditAnswer,
    ProveEditRequest,
    ProvenBuild,
    ProvenEdit,
    ProveRequest,
    ReadFilesAnswer,
    Refusal,
    Request,
    RowsAnswer,
    RowsRequest,
    SurveyAnswer,
    SurveyRequest,
    TriedImport,
    TwinAnswer,
    Way,
    time_limit,
)
from stitchgen.observer.read_files import read_files
from stitchgen.observer.rows import proof as rows_proof
from stitchgen.observer.rows import weights as rows_weights
from stitchgen.observer.small_inputs import small_input
from stitchgen.observer.tensors.intercept import Args, Kwargs
from stitchgen.observer.tensors.state import separate
from stitchgen.observer.tracing.frames import real

#: All proofs together take no longer than this part of what a request may take,
PART_OF_LIMIT = 0.6
#: than so many times the first, that of what the user named, or than so many seconds, whichever is longer.
TIMES_THE_FIRST = 3
LEAST_TIME = 30.0

Answer = Union[
    SurveyAnswer,
    EvaluateAnswer,
    ProveAnswer,
    ProveEditAnswer,
    ImportAnswer,
    RowsAnswer,
    TwinAnswer,
    FlowAnswer,
    LookUpAnswer,
    ReadFilesAnswer,
]


def perform(request: Request) -> Union[Dict[str, object], Refusal]:
    """Answer one request; a failure of the user's model is an answer too.

    Raises KeyError for an operation that there is not.
    """
    try:
        return dict(answer_to(request), ok=True)
    except Failure as failure:
        return {"ok": False, "error": failure.report}


#: What takes long at the beginning of a request.
BEGINS = {
    "survey": "importing the model file",
    "evaluate": "building the model",
    "prove": "building the edited model",
    "import": "importing the edited files as the project does",
    "prove_edit": "building the model before and after the edit",
    "flow": "running the model",
    "prove_rows": "building the edited model",
    "make_twin": "filling in the old weights",
    "look_up": "looking the module up",
    "read_files": "noting what was read",
}


def answer_to(request: Request) -> Answer:
    progress.doing(BEGINS.get(request["op"], request["op"]))
    if request["op"] == "survey":
        return survey_layers(request)
    if request["op"] == "evaluate":
        return evaluate(request)
    if request["op"] == "prove":
        return prove(request)
    if request["op"] == "prove_edit":
        return prove_edits(request)
    if request["op"] == "import":
        return import_in_every_way(request)
    if request["op"] == "prove_rows":
        return prove_rows(request)
    if request["op"] == "make_twin":
        with project_of(request, request.get("overlay", {})):
            return rows_weights.make_twin(request)
    if request["op"] == "flow":
        return flow_of_tensors(request)
    if request["op"] == "look_up":
        return installed.look_up(request)
    if request["op"] == "read_files":
        return read_files()
    raise KeyError(request["op"])


def project_of(request: ModelRequest, overlay: Mapping[str, str]) -> Project:
    """The project with the given files (base64, by path) in place of those it has."""
    base = {path: base64.b64decode(data) for path, data in request.get("earlier", {}).items()}
    edited = {path: base64.b64decode(data) for path, data in overlay.items()}
    return Project(
        request["file"],
        request["module"],
        request["paths"],
        request["root"],
        dict(base, **edited),
        request.get("left_out"),
        request.get("script"),
        request.get("folders", ()),
        request.get("variants"),
        base,
    )


def load(project: Project, *, stand_in: bool = True) -> None:
    """Import the model file; raises `Failure`: does-not-build."""
    try:
        try:
            project.load(stand_in=stand_in)
        except Exception as error:
            if not no_cuda.stand_in_for(error):
                raise
            project.forget_import()
            project.load(stand_in=stand_in)
    except SystemExit as error:
        raise exit_of("does-not-build", error, "importing the model file") from None
    except Exception as error:
        failure = failure_of("does-not-build", error, "the model file cannot be imported")
        note_import_fault(failure.report, error, project.root)
        raise failure from error


def survey_layers(request: SurveyRequest) -> SurveyAnswer:
    with project_of(request, {}) as project:
        load(project)
        return survey.survey(project, request)


def flow_of_tensors(request: FlowRequest) -> FlowAnswer:
    with project_of(request, request["overlay"]) as project:
        load(project)
        return flow.flow(project, request)


def evaluate(request: EvaluateRequest) -> EvaluateAnswer:
    with project_of(request, request["overlay"]) as project:
        load(project)
        return expressions.evaluate(project, request)


def prove(request: ProveRequest) -> ProveAnswer:
    """Build each configuration as it was and as it would be, and hold the checks against both.

    Ends with the first configuration that fails. Those that nobody named are not tried where there is no time
    for them. Raises `Failure`: blocks-in-the-way.
    """
    original = project_of(request, {})
    edited = project_of(request, request["overlay"])
    require_found(edited)
    builds: List[ProvenBuild] = []
    spent = Spent()
    for number, entry in enumerate(request["builds"], 1):
        if builds and not entry["named"] and not spent.leaves_time():
            builds.append(
                {"ok": False, "error": {"code": NOT_TRIED, "message": "no time was left"}}
            )
            continue
        about = (entry["expression"], number, len(request["builds"]))
        progress.doing("proving %s (%d of %d)" % about)
        with spent.on_one():
            proven = prove_or_fail(original, edited, entry, request)
        builds.append(proven)
        if not proven["ok"]:
            break
    return {"builds": builds}


class Spent:
    """The time that proofs took, in seconds."""

    def __init__(self) -> None:
        self.each: List[float] = []
        self.most = time_limit() * PART_OF_LIMIT

    @contextlib.contextmanager
    def on_one(self) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.each.append(time.monotonic() - started)

    def leaves_time(self) -> bool:
        """Whether one more, that takes as long as the last, fits into what all may take."""
        total = min(self.most, max(LEAST_TIME, self.each[0] * TIMES_THE_FIRST))
        return sum(self.each) + self.each[-1] <= total


def prove_edits(request: ProveEditRequest) -> ProveEditAnswer:
    """The proof of an edit that is on the disk, in each configuration."""
    original, edited = project_of(request, request["base"]), project_of(request, {})
    known: Dict[str, Hypothesis] = {}
    builds = [edit_or_fail(original, edited, one, request, known) for one in request["builds"]]
    return {"builds": builds}


def edit_or_fail(
    original: Project,
    edited: Project,
    entry: EditOfBuild,
    request: ProveEditRequest,
    known: Dict[str, Hypothesis],
) -> ProvenEdit:
    try:
        return prove_edit(original, edited, entry, request, known)
    except Failure as failure:
        return {"ok": False, "before": True, "error": failure.report}
    except CheckFailed as failed:
        return {"ok": False, "before": False, "error": report_of(failed)}
    except Exception as error:
        if not passes_through(error, original.root):
            raise
        own = failure_of("does-not-run", error, "the model as it was does not run")
        return {"ok": False, "before": True, "error": own.report}


def report_of(failed: CheckFailed) -> Error:
    """A check that does not hold, as an answer says it."""
    report: Error = {
        "code": "law-broken",
        "message": failed.message,
        "check": failed.check,
        "mode": failed.mode,
    }
    if isinstance(failed, EditFailed):
        report["where"] = failed.where
    return report


def prove_rows(request: RowsRequest) -> RowsAnswer:
    """The proof of rows in a model's YAML, by the builder that the project imports."""
    edited = project_of(request, request.get("overlay", {}))
    require_found(edited)
    with edited:
        return rows_proof.prove_rows(request)


def import_in_every_way(request: ImportRequest) -> ImportAnswer:
    """Import each file as it is and as it would be, in each way in which the project does."""
    return {"ways": [import_in(request, way) for way in request["ways"]]}


def import_in(request: ImportRequest, way: Way) -> TriedImport:
    before = failed_import(request, way, request.get("base", {}))
    # What cannot be imported so anyway is no way in.
    after = failed_import(request, way, request["overlay"]) if before is None else None
    return {"before": before, "after": after}


def failed_import(request: ImportRequest, way: Way, overlay: Mapping[str, str]) -> Optional[Error]:
    asked = request.copy()
    asked["file"], asked["module"], asked["paths"] = way["file"], way["module"], way["paths"]
    with project_of(asked, overlay) as project:
        project.by_path = way["by_path"]
        try:
            load(project, stand_in=False)
        except Failure as failure:
            return failure.report
    return None


def require_found(edited: Project) -> None:
    """Refuse where an import of a new file finds another module of that name."""
    with edited:
        found = edited.other_module()
    if found is not None:
        message = "`import %s` finds %s, and not the folder of the new blocks" % found
        raise Failure("blocks-in-the-way", message)


def prove_or_fail(
    original: Project, edited: Project, entry: ProofOfBuild, request: ProveRequest
) -> ProvenBuild:
    try:
        return prove_build(original, edited, entry, request)
    except Failure as failure:
        return {"ok": False, "error": failure.report}
    except CheckFailed as failed:
        return {"ok": False, "error": report_of(failed)}
    except Exception as error:
        # The checks pass on what the original model itself raises, as in train mode.
        if not passes_through(error, original.root):
            raise
        own = failure_of("does-not-run", error, "the model does not run")
        return {"ok": False, "error": own.report}


def passes_through(error: BaseException, folder: str) -> bool:
    """Whether code of the folder was running when the error came up."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return any(real(frame.f_code.co_filename).startswith(folder) for frame in frames)


def prove_build(
    original: Project, edited: Project, entry: ProofOfBuild, request: ProveRequest
) -> ProvenBuild:
    """The proof of one configuration; raises `Failure`, `CheckFailed`, and what the original raises."""
    expression = entry["expression"]
    if entry["extent"] in ("relative", "given"):
        return relatives.prove_relative(
            original,
            edited,
            expression,
            request.get("inputs") or [],
            request.get("inside") or [],
            guess=entry["extent"] == "relative",
        )
    if entry["extent"] == "shapes":
        return prove_briefly(original, edited, entry, request)
    known = kept.take(request, entry) or built_before(original, entry, request)
    threads.take(known.threads)
    original, before, source, trained = (
        known.project,
        known.original.model,
        known.source,
        known.trained,
    )
    with edited:
        load_edited(edited)
        after = build_edited(edited, expression)
        name_as_before(before, after, request.get("inside") or [], edited.overlay, loads=True)
        # What the user gives for each mode is run as it is given.
        batch = None if request.get("inputs_train") else train_batch(source)

        def inputs(number: int) -> Tuple[Args, Kwargs]:
            return source.make(number, batch)

        def inputs_train(number: int) -> Tuple[Args, Kwargs]:
            return trained.make(number, train_batch(trained))

        proven = proof.prove(
            before,
            after,
            entry["splices"],
            inputs,
            inputs_train=inputs_train,
            modes=proof.MODES[:1] if entry["extent"] == "eval" else proof.MODES,
            warm=True,
            known=known.original,
        )
        if entry["extent"] == "eval":
            kept.keep(request, entry, known)
            return proof.answer(source.describe(), proven)
        splices = proof.splices_of(before, after, entry["splices"])
        whole = entry["extent"] == "whole"
        functions = request["functions"] if whole else []
        asked = request.get("methods") or [] if whole else []
        methods = [one for one in asked if one["name"] != "forward"]
        forwards = [one["class_name"] for one in asked if one["name"] == "forward"]
        # What runs the project's own code on a model may leave it otherwise, and both with it.
        flags = whole and uncalled_methods.has_flags(before, forwards)
        others = functions or methods or flags or fused.has_form(before)
        runs_others = bool(others) or parameter_groups.has_givers(before, original.root)
        if runs_others and known.original.shares:
            separate(before, after)
        new = model_functions.givers(edited, after, functions, [])
    with original:
        old = model_functions.givers(original, before, functions, proven["notes"])
        called: List[str] = []
        given_to = (old, new)
        left_out = parameter_groups.left_out(
            before, after, splices, original.root, given_to, called
        )
        fed = uncalled_methods.fed_to_methods(before, methods, inputs)
        turned = uncalled_methods.turned_flags(before, forwards, inputs) if flags else []
    with edited:
        uncalled = uncalled_methods.check_methods(after, methods, fed)
        uncalled_methods.check_flags(after, turned)
        on_one = batch_of_one.failure_on_one(before, after, splices, trained)
        of_fused = fused.check_fused(before, after, inputs)
        if not runs_others and not request.get("inside"):
            kept.keep(request, entry, known)
        proven["notes"].extend(of_fused)
        proven["notes"].extend(original.notes())
        proven["notes"].extend(no_cuda.notes())
    return proof.answer(source.describe(), proven, left_out, uncalled, called, on_one)


def built_before(original: Project, entry: ProofOfBuild, request: ProveRequest) -> kept.Before:
    """The model as it was, and the input that the proof runs on; raises `Failure`."""
    expression = entry["expression"]
    with original:
        load(original)
        threads.take_one()
        before = build(original, expression)
        # One of the copies is there already.
        memory.check_fits(expression, memory.size_of(before), memory.OF_A_PROOF - 1)
        started = time.perf_counter()
        given = request.get("inputs") or []
        source = small_input(original, before, given, small=entry["extent"] != "whole")
        threads.take_what_pays(time.perf_counter() - started)
        trained = source_in_train(original, request.get("inputs_train") or [], source)
    # Only where many edits of one model follow each other is it worth while.
    known = Original(before, shares=bool(request.get("keep")))
    return kept.Before(original, known, source, trained, torch.get_num_threads())


def load_edited(edited: Project) -> None:
    """Import the edited file; raises `Failure`: law-broken."""
    try:
        load(edited)
    except Failure as failure:
        raise as_broken(failure) from failure.__cause__


def build_edited(edited: Project, expression: str, device: Optional[str] = None) -> nn.Module:
    """The edited model, where the original is built; raises `Failure`: law-broken, strict-load."""
    try:
        return build(edited, expression, device)
    except Failure as failure:
        raise as_broken(failure) from failure.__cause__


def as_broken(failure: Failure) -> Failure:
    """That the edit is what fails."""
    report = failure.report
    missing = missing_keys(failure.__cause__)
    report["check"], report["mode"] = "builds", None
    report["code"] = "strict-load" if missing else "law-broken"
    if missing:
        message = (
            "the edited model loads saved weights strictly while it is built, and they lack %s"
        )
        report["message"] = message % missing
    else:
        report["message"] = "the edited model: " + report["message"]
    return failure


def missing_keys(error: Optional[BaseException]) -> str:
    """The keys that a strict load did not find, as torch names them; "" for another error."""
    text = str(error) if isinstance(error, RuntimeError) else ""
    found = re.search(r"Missing key\(s\) in state_dict: (.*?)\. *$", text, re.MULTILINE)
    keys = found.group(1).split(", ") if found else []
    return " and ".join(few([key.strip('"') for key in keys]))


def prove_briefly(
    original: Project, edited: Project, entry: ProofOfBuild, request: ProveRequest
) -> ProvenBuild:
    """That the edited model of a configuration is built, has its blocks, and runs in eval where it did before;
    without values, where the model allows that."""
    expression, inputs = entry["expression"], request.get("inputs") or []
    for device in DEVICES:
        try:
            with original:
                load(original)
                before = build(original, expression, device)
                source = find_input(original, before, inputs, device)
            break
        except Failure:
            if device is None:
                raise
    with edited:
        load_edited(edited)
        after = build_edited(edited, expression, device)
        try:
            name_as_before(before, after, request.get("inside") or [], edited.overlay, loads=False)
            pair = proof.pair_of(before, after, entry["splices"])
            set_mode(after, training=False)
            run(after, source, device)
        except Exception as error:
            raise CheckFailed("builds", "the edited model: %s" % short(error)) from error
    return proof.answer(source.describe(), proof.unmeasured(pair.keys, forwards=1))
