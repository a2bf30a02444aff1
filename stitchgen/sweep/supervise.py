"""One run, from its tree to its result: `stitchgen sweep exec RUN`, started by an engine.

It is a process of its own, so that a run ends as it should when the one that started it is gone. The training
holds the run's lock, too: it is never started twice, even where this process was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.sweep import command, judge, tree
from stitchgen.sweep.folders import (
    FULL,
    RunFolder,
    SweepFolder,
    TryFolder,
    only_one,
    read_json,
    room_for,
    write_json,
)
from stitchgen.sweep.metrics.collect import Disagreement, Missing, collect
from stitchgen.sweep.metrics.series import Series
from stitchgen.sweep.planned import Planned, load
from stitchgen.sweep.sources import Layout
from stitchgen.sweep.spec import BASELINE, Run
from stitchgen.sweep.state import LAST_LINES, clear_interrupted

#: After a polite signal a training has so many seconds to save what it wants to.
GRACE = 10.0
#: What counts multiply-accumulates: a file that needs torch alone. The runner imports none of its neighbours.
COUNTER = Path(__file__).parent.parent / "observer" / "cost.py"


def run(path: Path) -> dict[str, Any]:
    """Do the run whose folder this is, unless it is done or someone is at it; its result or failure."""
    folder = RunFolder(path.resolve())
    seed = int(folder.path.name.removeprefix("seed-"))
    one = Run(folder.path.parent.name, seed)
    home = folder.path.parents[2]
    sweep = SweepFolder(home.parents[2], home.name)
    with only_one(folder.lock, f"{one} is running already") as lock:
        done = read_json(folder.result)
        if done is not None:
            return {"ok": True, "command": "sweep", "run": done}
        clear_interrupted(folder)
        at = folder.next_try()
        with room_for(at.path):
            at.path.mkdir(parents=True)
            return _attempt(sweep, one, at, lock)


def _attempt(sweep: SweepFolder, one: Run, at: TryFolder, lock: int) -> dict[str, Any]:
    asked = read_json(sweep.spec)
    planned = None if one.variant == BASELINE else load(sweep, one.variant)
    layout = Layout(**{key: tuple(paths) for key, paths in asked["layout"].items()})
    tree.make(sweep.root, at.tree, layout, planned.files if planned else {})
    at.events.mkdir()
    write_json(at.settings, _settings(sweep, one, at, asked, planned))
    began = time.monotonic()
    status = _train(sweep, one, at, asked, lock)
    seconds = round(time.monotonic() - began, 2)
    known = {*layout.copied, *(planned.files if planned else ())}
    files = tree.new_files(at, known)
    found = collect(at.tree, files, at.output, asked["metric"], asked["python"])
    reports = {
        path.parent.name: read_json(path) for path in sorted(at.events.glob("*/report.json"))
    }
    about = {"variant": one.variant, "seed": one.seed, "try": at.number, "seconds": seconds}
    failure = failure_of(status, found, at, asked)
    verdict = None
    if failure is None and planned is not None:
        verdict = judge.verdict_of(
            reports,
            tree=at.tree,
            edited=planned.edited,
            attributes=planned.attributes,
            pair=asked["pair"],
        )
        if verdict.refused:
            failure = {"reason": verdict.refused, "hint": verdict.hint, "kind": "not-counted"}
            failure["where"] = verdict.where
    if failure is not None:
        write_json(at.exit, {**about, "status": status, **failure})
        return {"ok": False, "command": "sweep", "run": {**about, **failure}}
    assert isinstance(found, Series)
    result = {**about, **_numbers(found, asked), "processes": reports}
    if verdict is not None:
        result["pairing"] = vars(verdict.pairing)
        result["moved"] = [verdict.moved, verdict.parameters]
    write_json(at.exit, {**about, "status": status})
    write_json(at.path.parent / "result.json", result)
    return {"ok": True, "command": "sweep", "run": result}


def failure_of(
    status: int | str,
    found: Series | Disagreement | Missing,
    at: TryFolder,
    asked: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Why a training gave no number; None where it did."""
    if status != 0:
        how = status if isinstance(status, str) else _ended(status)
        lines = last_lines(at.output)
        full = any(os.strerror(number) in line for line in lines for number in FULL)
        return {"kind": "disk-full" if full else "failed", "reason": how, "lines": lines}
    match found:
        case Missing(names, unread):
            return {
                "kind": "no-metric",
                "reason": f"no {asked['metric']} was found" + (f"; {unread}" if unread else ""),
                "names": names,
                "unread": unread,
            }
        case Disagreement(one, other):
            return {
                "kind": "no-metric",
                "reason": f"{one.source} ends with {asked['metric']} {one.values[-1]:g}, "
                f"and {other.source} with {other.values[-1]:g}",
                "names": (),
            }
    return None


def _ended(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"


def last_lines(output: Path) -> list[str]:
    """What a failed run printed last."""
    try:
        text = output.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return text.replace("\r", "\n").splitlines()[-LAST_LINES:]


def _numbers(found: Series, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "value": found.at(asked["at"], less_is_better=asked["less_is_better"]),
        "source": found.source,
        "values": list(found.values),
        "line": found.line,
    }


def _settings(
    sweep: SweepFolder,
    one: Run,
    at: TryFolder,
    asked: Mapping[str, Any],
    planned: Planned | None,
) -> dict[str, Any]:
    """What the runner reads (`runner/files.py`)."""
    tape = None
    if planned is not None:
        done = read_json(sweep.baseline_of(one).result)
        if done is None:
            raise StitchError(
                "file-not-found",
                f"{one}: the baseline of this seed is not done",
                where=str(sweep.baseline_of(one).path),
                hint="run stitchgen sweep again, which runs the baseline first",
            )
        tape = str(sweep.baseline_of(one).path / f"try-{done['try']}" / "events")
    return {
        "folder": str(at.events),
        "tape": tape,
        "pair": asked["pair"],
        "seed": one.seed if asked["seeded_by_runner"] else None,
        "tree": str(at.tree),
        "counter": str(COUNTER),
        "edited": planned.edited if planned else [],
    }


def _train(
    sweep: SweepFolder, one: Run, at: TryFolder, asked: Mapping[str, Any], lock: int
) -> int | str:
    """Run the command in its tree; its exit status, or what became of it."""
    python = asked["python"]
    environment = command.environment(
        os.environ,
        python=python,
        root=sweep.root,
        tree=at.tree,
        settings=at.settings,
        seed=one.seed,
        threads=asked["threads"],
        gpu=os.environ.get("STITCHGEN_GPU"),
    )
    words = command.words_for(asked["command"], python, one.seed, at.path)
    with open(at.output, "wb") as output:
        try:
            training = subprocess.Popen(
                words,
                cwd=at.tree / asked["folder"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock,),
            )
        except OSError as error:
            return f"{words[0]} cannot be run: {error.strerror}"
        try:
            return training.wait(asked["timeout"])
        except subprocess.TimeoutExpired:
            return f"longer than --timeout {asked['timeout']:g} seconds"
        finally:
            _end_group(training)


def _end_group(training: subprocess.Popen[bytes]) -> None:
    """End the training and what it started: politely, then not."""
    for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
        if training.poll() is not None:
            break
        os.killpg(training.pid, number)
        try:
            training.wait(patience)
        except subprocess.TimeoutExpired:
            continue
