"""`add` where the targets are rows of a model's YAML: plan, proof, outcome."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from stitchgen.catalog.block import Block
from stitchgen.errors import UsageError
from stitchgen.history import ledger
from stitchgen.history.yaml_traces import ROW
from stitchgen.pipeline.noop import stands
from stitchgen.pipeline.outcome import Outcome
from stitchgen.planning.block_file import check_settings
from stitchgen.project.config import Project
from stitchgen.source.yaml_document import is_yaml
from stitchgen.source.yaml_rows import Scale
from stitchgen.targets.request import AddRequest, SpliceRequest
from stitchgen.yolo.parse_model import features
from stitchgen.yolo.plan import RowSplice, YamlPlan, make_plan

NO_KEYS: dict[str, list[str]] = {"added": [], "lost": [], "reshaped": []}


def names_yaml(text: str) -> bool:
    """Whether a target, or a model, is in a YAML file."""
    file, _, _ = text.partition("::")
    return is_yaml(file.strip())


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


def propose(project: Project, request: AddRequest, block: Block, dry_run: bool) -> Outcome:
    """The plan of a request with its proof, as an outcome that nothing has been done about yet."""
    done = done_already(project, request, dry_run)
    if done is not None:
        return done
    plan = make_plan(project, request, block, check_settings(block, request.settings))
    changes = plan.changes
    files = [{"path": change.path, "action": change.action} for change in changes]
    if changes:
        book = ledger.load(project.root)
        book = book.with_run(request.command_line(), records(request, plan), changes)
        changes = [*changes, book.change()]
    result = report(request, plan, dry_run) | {"files": files}
    return Outcome(result, changes)


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


def report(request: AddRequest, plan: YamlPlan, dry_run: bool) -> dict[str, Any]:
    return {
        "ok": True,
        "command": request.command,
        "block": request.block,
        "dry_run": dry_run,
        "splices": [splice_report(request, plan, one) for one in plan.splices],
        "files": [],
        "proof": None,
        "keys": NO_KEYS,
        "warnings": warnings_of(request, plan),
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
    source = splice.insertion.source
    return features(plan.file.model, scale)[source].channels if source >= 0 else 3


# Warnings -----------------------------------------------------------------------------------------


def warnings_of(request: AddRequest, plan: YamlPlan) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    if plan.fresh and not request.prove:
        message = "not proven, as --no-prove asks: the rows were read, and nothing was built"
        found.append({"code": "not-proven", "message": message})
    if plan.registration is not None:
        found += [dict(one) for one in plan.registration.warnings]
    if plan.file.copied:
        path = plan.file.path
        found.append(
            {
                "code": "copied",
                "where": path,
                "message": f"{plan.file.source.name} is the package's, so {path} was made from it",
                "hint": f"Build from the copy: YOLO({named_at_scale(plan)!r})",
            }
        )
    return found


def named_at_scale(plan: YamlPlan) -> str:
    """The file's name at the scale that the target named: `yolov8n-cbam.yaml`."""
    name = plan.file.path.rpartition("/")[2]
    scale = plan.file.scale or next(iter(plan.file.model.scales)).name
    return re.sub(r"^(yolo(?:e-)?v?\d+)", rf"\1{scale}", name)


# Again --------------------------------------------------------------------------------------------


def done_already(project: Project, request: AddRequest, dry_run: bool) -> Outcome | None:
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
            "readers": [],
            "already": True,
        }
        for entry in runs[-1].entries
    ]
    result = {
        "ok": True,
        "command": request.command,
        "block": request.block,
        "dry_run": dry_run,
        "splices": splices,
        "files": [],
        "proof": None,
        "keys": NO_KEYS,
        "warnings": [],
    }
    return Outcome(result, [])
