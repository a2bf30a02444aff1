"""`add` where the targets are rows of a model's YAML: plan, proof, outcome."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any, TypeGuard

from stitchgen.analysis.rows_proof import RowsProof, make_twin
from stitchgen.analysis.runtime_backend import SharedObservers
from stitchgen.catalog.block import Block
from stitchgen.errors import StitchError, UsageError
from stitchgen.history import ledger
from stitchgen.history.yaml_traces import ROW
from stitchgen.pipeline import weights
from stitchgen.pipeline.noop import stands
from stitchgen.pipeline.outcome import nothing_to_do
from stitchgen.planning.block_file import check_settings
from stitchgen.project.config import Project
from stitchgen.project.outcome import Outcome
from stitchgen.source.edits import FileChange
from stitchgen.source.yaml_edits import Moved
from stitchgen.source.yaml_rows import Scale
from stitchgen.targets.request import AddRequest, SpliceRequest
from stitchgen.targets.yaml_target import names_yaml
from stitchgen.yolo.files import (
    at_scale,
    builder_of,
    dotted_name,
    meant_scale,
    told_scale,
)
from stitchgen.yolo.parse_model import features
from stitchgen.yolo.placing import RowSplice
from stitchgen.yolo.plan import YamlPlan, make_plan
from stitchgen.yolo.proof import prove, subject_of
from stitchgen.yolo.scripts import ScriptYaml, rename_weights, yaml_of_script

#: The checks, as the report names them.
CHECKS = ("builds", "graph", "keys", "position", "elsewhere", "consumed", "rebuilt", "fused")
NO_KEYS: dict[str, list[str]] = {"added": [], "lost": [], "reshaped": []}


def is_for_yaml(request: SpliceRequest) -> TypeGuard[AddRequest]:
    """Whether the targets of a request are rows of a YAML file; refuses some of each."""
    in_yaml = [text for text in request.targets if names_yaml(text)]
    if not in_yaml:
        return False
    if len(in_yaml) < len(request.targets) or not isinstance(request, AddRequest):
        raise UsageError(
            "usage",
            (
                "rows of a YAML file and layers of Python source do not go into one command"
                if isinstance(request, AddRequest)
                else "fuse takes layers of Python source, and no rows of a YAML file"
            ),
            hint=f"stitchgen add BLOCK --after {in_yaml[0]}",
        )
    return True


def in_yaml(project: Project, request: SpliceRequest) -> tuple[SpliceRequest, ScriptYaml | None]:
    """The request with `train.py::model.9` as a row of the YAML that the script names."""
    found = [yaml_of_script(project, text) for text in request.targets]
    if not any(found):
        return request, None
    scripts = {one[0] for one in found if one is not None}
    if len(scripts) > 1 or None in found:
        raise UsageError(
            "usage",
            "the targets are in several files",
            hint="run the command once for each of them",
        )
    targets = tuple(script.target(rest) for script, rest in filter(None, found))
    return replace(request, targets=targets), scripts.pop()


def propose(
    project: Project,
    request: AddRequest,
    block: Block,
    script: ScriptYaml | None = None,
    *,
    dry_run: bool,
    shared: SharedObservers | None = None,
) -> Outcome:
    """The plan of a request with its proof, as an outcome that nothing has been done about yet."""
    with SharedObservers() if shared is None else nullcontext(shared) as observers:
        return proposed(project, request, block, script, observers, dry_run=dry_run)


def proposed(
    project: Project,
    request: AddRequest,
    block: Block,
    script: ScriptYaml | None,
    observers: SharedObservers,
    *,
    dry_run: bool,
) -> Outcome:
    done = done_already(project, request, dry_run=dry_run)
    if done is not None:
        return done
    plan = make_plan(project, request, block, check_settings(block, request.settings), script)
    proof, without = proven(project, request, plan, observers)
    changes = plan.changes
    fitted = None
    if request.weights is not None and plan.fresh:
        fitted, weights_change = fitted_weights(project, request, plan, observers)
        if script is not None:
            rename_weights(plan.workspace, script, request.weights, weights_change.path)
        changes = [*plan.changes, weights_change]
    files = [{"path": change.path, "action": change.action} for change in changes]
    if changes:
        book = ledger.load(project.root)
        book = book.with_run(request.command_line(), records(request, plan), changes)
        changes = [*changes, book.change()]
    result = report(request, plan, dry_run=dry_run) | {"files": files}
    if proof is not None:
        result |= {"proof": proof_report(plan, proof), "keys": proof.keys.as_dict()}
    if fitted is not None:
        result["weights"] = fitted
    result["warnings"] = warnings_of(request, plan, proof, without)
    return Outcome(result, changes)


def fitted_weights(
    project: Project, request: AddRequest, plan: YamlPlan, observers: SharedObservers
) -> tuple[dict[str, Any], FileChange]:
    """What `stitchgen weights` would report and write, once the plan is carried out."""
    assert request.weights is not None and plan.registration is not None
    path = weights.checkpoint_file(project, request.weights)
    target = weights.target_for(project, path, plan.file)
    builder = builder_of(project.root)
    subject = subject_of(project, request, plan)
    name = None if builder is None else dotted_name(project.root, builder)
    text, overlay = plan.after.document.text, plan.workspace.overlay()
    twin = make_twin(subject, path, text, name, plan.registration.module, overlay, observers)
    report = weights.report(path, plan.file.path, target, twin, written=False)
    kept = {key: report[key] for key in ("checkpoint", "tensors", "arriving", "without")}
    return {**kept, "path": target.name}, weights.change_of(target, twin)


def proven(
    project: Project, request: AddRequest, plan: YamlPlan, observers: SharedObservers
) -> tuple[RowsProof | None, StitchError | None]:
    """The proof; None where there is nothing to prove or it is not wanted, or why there is no torch."""
    if not request.prove or not plan.fresh:
        return None, None
    try:
        return prove(project, request, plan, observers), None
    except StitchError as error:
        if error.code != "no-torch":
            raise
        return None, error


def proof_report(plan: YamlPlan, proof: RowsProof) -> dict[str, Any]:
    """The `proof` of `--json`."""
    return {
        "laws": list(CHECKS),
        "build": [named_at(plan, scale) for scale in proof.run],
        "built": [named_at(plan, scale) for scale in proof.built],
        "unchanged": [],
        "not_proven": [],
        "builder": proof.builder,
        "version": proof.version,
        "params_added": proof.params_added,
        "macs_added": proof.macs_added,
        "input": proof.input,
        "notes": list(proof.notes),
        "imports": [],
    }


def named_at(plan: YamlPlan, scale: str) -> str:
    """`yolov8n.yaml`: how the model of a scale is named, where the name can tell it."""
    name = plan.file.path.rpartition("/")[2]
    if scale in ("", told_scale(name)):
        return name
    named = at_scale(name, scale)
    return named if named != name else f"{name} at scale {scale}"


def records(request: AddRequest, plan: YamlPlan) -> list[ledger.SpliceRecord]:
    uses = plan.registration.uses if plan.registration is not None else ()
    created = (plan.file.path,) if plan.file.copied else ()
    return [
        ledger.SpliceRecord(
            block=request.block,
            target=one.target,
            placement=request.placement.name,
            attribute=f"model.{one.index}.{plan.block.class_name}",
            strategy=ROW,
            arguments=plan.block.args,
            uses=tuple(sorted({*uses, *created})),
        )
        for one in plan.fresh
    ]


def report(request: AddRequest, plan: YamlPlan, *, dry_run: bool) -> dict[str, Any]:
    return {
        "ok": True,
        "command": request.command,
        "block": request.block,
        "dry_run": dry_run,
        "splices": [splice_report(request, plan, one) for one in plan.splices],
        "files": [],
        "proof": None,
        "keys": NO_KEYS,
        "warnings": [],
    }


def splice_report(request: AddRequest, plan: YamlPlan, splice: RowSplice) -> dict[str, Any]:
    row = plan.after.rows[splice.index]
    return {
        "target": splice.target,
        "placement": request.placement.name,
        "attribute": row.name,
        "strategy": ROW,
        "row": plan.after.document.code(row.node.span),
        "channels": channels(plan, splice),
        "readers": list(splice.readers),
        "already": splice.already,
    }


def channels(plan: YamlPlan, splice: RowSplice) -> dict[str, Any]:
    """The channels that arrive at a row: as they are written, and at each scale."""
    widths = {scale.name: width_at(plan, scale, splice) for scale in plan.file.model.scales}
    named = plan.file.scale if plan.file.scale in widths else next(iter(widths))
    found = {"expression": plan.block.args.partition(",")[0] or None, "value": widths[named]}
    scales = {name: width for name, width in widths.items() if name}
    return {**found, "evidence": "read", **({"scales": scales} if scales else {})}


def width_at(plan: YamlPlan, scale: Scale, splice: RowSplice) -> int | None:
    source = splice.source
    return features(plan.file.model, scale)[source].channels if source >= 0 else 3


# Warnings -----------------------------------------------------------------------------------------


def warnings_of(
    request: AddRequest, plan: YamlPlan, proof: RowsProof | None, without: StitchError | None
) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    if without is not None:
        message = f"not proven, since {without.message}"
        found.append({"code": "not-proven", "message": message, "hint": without.hint or ""})
    elif plan.fresh and not request.prove:
        message = "not proven, as --no-prove asks: the rows were read, and nothing was built"
        found.append({"code": "not-proven", "message": message})
    if plan.registration is not None:
        found += [dict(one) for one in plan.registration.warnings]
    path = plan.file.path
    if plan.file.copied and plan.script is None:
        scale = plan.file.scale or next(iter(plan.file.model.scales)).name
        found.append(
            {
                "code": "copied",
                "where": path,
                "message": f"{plan.file.source.name} is the package's, so {path} was made from it",
                "hint": f"Build from the copy: YOLO({named_at(plan, scale)!r})",
            }
        )
    if plan.fresh:
        found += [moved_weights(plan)] if plan.placed.insertions else []
        found += unknown_scale(plan)
        found += map(dict, plan.caveats)
    if plan.registration is not None and plan.registration.module is not None:
        package = plan.registration.module.partition(".")[0]
        found.append(
            {
                "code": "checkpoint",
                "message": f"a checkpoint of this model is read only where {package} can be imported; "
                "elsewhere Ultralytics looks for a package of that name on PyPI",
            }
        )
    return found


def unknown_scale(plan: YamlPlan) -> list[dict[str, str]]:
    """That Ultralytics tells the scale from the file's name, which here cannot say it."""
    first = plan.file.model.scales[0].name
    name = plan.file.path.rpartition("/")[2]
    own = plan.registration is not None and plan.registration.module is None
    told = told_scale(name) or at_scale(name, first) != name
    if meant_scale(name) not in ("", first):
        told = False
    if not first or own or told or len(plan.file.model.scales) < 2:
        return []
    message = f"the name {name} tells no scale: Ultralytics builds scale {first}, whatever is meant"
    hint = f"Call it as yolov8.yaml is called, so that yolov8{first}.yaml names the scale."
    return [{"code": "no-scale", "where": plan.file.path, "message": message, "hint": hint}]


def moved_weights(plan: YamlPlan) -> dict[str, str]:
    """That pretrained weights no longer fit by name behind the first new row."""
    moved = Moved(plan.placed.insertions)
    first = min(moved.inserted(number) for number in range(len(moved.insertions)))
    return {
        "code": "moved-layers",
        "where": f"{plan.file.path}:{plan.after.rows[first].line}",
        "message": f"layers from model.{first} on have other numbers: weights of the old model, and "
        "freeze=N of a script, mean others now",
    }


# Again --------------------------------------------------------------------------------------------


def done_already(project: Project, request: AddRequest, *, dry_run: bool) -> Outcome | None:
    """The outcome where the same command has been run and all that it put there stands."""
    book = ledger.load(project.root)
    runs = [run for run in book.runs() if run.command == request.command_line()]
    if not runs or not stands(book, runs[-1], edited=True):
        return None
    splices = [
        {
            "target": entry.record.target,
            "placement": entry.record.placement,
            "attribute": entry.record.attribute.rpartition(".")[0],
            "strategy": ROW,
            "channels": {"expression": "c2", "value": None, "evidence": "read"},
        }
        for entry in runs[-1].entries
    ]
    return nothing_to_do(request, splices, dry_run=dry_run)
