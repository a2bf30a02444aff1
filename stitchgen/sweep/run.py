"""`stitchgen sweep`: plan what is new, run what is not done, report what is there."""

from __future__ import annotations

import math
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from stitchgen.analysis import progress
from stitchgen.analysis.subject import interpreter
from stitchgen.errors import StitchError
from stitchgen.project.config import Project
from stitchgen.sweep import asked as asking
from stitchgen.sweep import latency, variants
from stitchgen.sweep.command import check_command
from stitchgen.sweep.engine import Engine
from stitchgen.sweep.engines import open_engine
from stitchgen.sweep.folders import (
    SweepFolder,
    disk_full,
    only_one,
    read_json,
    room_for,
    size_of,
    write_json,
)
from stitchgen.sweep.judge import constant_seed
from stitchgen.sweep.metrics import printed, tensorboard
from stitchgen.sweep.planned import load
from stitchgen.sweep.report.write import write_report
from stitchgen.sweep.sources import Layout, layout_of
from stitchgen.sweep.spec import BASELINE, Run, Spec
from stitchgen.sweep.state import Kind, State, ready, state_of, states

Say = Callable[[str], None]

#: How often it is looked for runs that have ended, in seconds.
PAUSE = 0.05
#: How often a terminal is shown how far the runs are, in seconds.
LOOK = 1.0
#: The exit status after Ctrl-C, as the command line has it.
INTERRUPTED = 130


def run(project: Project, spec: Spec, say: Say, *, lang: str = "en") -> dict[str, Any]:
    """Run the sweep, or go on with it; `ok` where all runs are done."""
    check_command(spec.command)
    folder = SweepFolder(project.root, spec.name)
    with (
        room_for(folder.path),
        only_one(folder.path / "lock", f"another stitchgen sweep runs {spec.name}"),
    ):
        folder.make()
        python = interpreter(spec.python, project.python, project.root)
        layout = layout_of(project.root, spec.link, spec.fresh)
        asked = _asked(folder, spec, asking.asked_of(spec, project.root, python, layout))
        plan_all(folder, spec, layout, say)
        write_json(folder.spec, asked)
        engine = open_engine(folder, spec, say)
        going = Progress(folder, spec, spec.runs, asked, engine, say)
        going.go()
        if spec.place.engine == "local" and all(
            one.kind is Kind.DONE for one in going.known.values()
        ):
            latency.measure(folder, asked, spec.place, spec.jobs, say)
        return write_report(folder, asked, lang)


def dry_run(project: Project, spec: Spec, say: Say) -> dict[str, Any]:
    """Plan and prove all variants, and say what would be run; nothing is kept."""
    check_command(spec.command)
    python = interpreter(spec.python, project.python, project.root)
    layout = layout_of(project.root, spec.link, spec.fresh)
    asked = asking.asked_of(spec, project.root, python, layout)
    folder = SweepFolder(project.root, spec.name)
    known = folder.path.exists()
    before = read_json(folder.spec)
    if before is not None:
        asking.going_on(before, asked, spec.name)
    trial = SweepFolder(project.root, f".{spec.name}.trial")
    trial.make()
    try:
        with variants.Planner(trial, spec, layout) as planner:
            planned = [planner.plan(one) for one in spec.variants]
        known_states = states(folder, spec.runs)
    finally:
        shutil.rmtree(trial.path, ignore_errors=True)
        if not known:
            leave_nothing(folder)
    return {
        "ok": True,
        "command": "sweep",
        "dry_run": True,
        "name": spec.name,
        "typed": asked["command"],
        "seeding": asked["seeding"],
        "runs": len(known_states),
        "to_do": sum(state.kind is not Kind.DONE for state in known_states.values()),
        "seeds": list(spec.seeds),
        "layout": vars(layout),
        "variants": [
            {
                "name": one.name,
                "add": list(one.texts),
                "files": sorted(one.files),
                "laws": list(one.laws),
                "params_added": one.params_added,
                "macs_added": one.macs_added,
            }
            for one in planned
        ],
    }


def leave_nothing(folder: SweepFolder) -> None:
    """Take away the folders of sweeps where none is in them."""
    sweeps = folder.path.parent
    if [path.name for path in sweeps.iterdir()] == [".gitignore"]:
        shutil.rmtree(sweeps)
        if not any(sweeps.parent.iterdir()):
            sweeps.parent.rmdir()


def _asked(folder: SweepFolder, spec: Spec, now: dict[str, Any]) -> dict[str, Any]:
    """What is asked, once it goes with what the sweep has; without results it begins anew."""
    before = read_json(folder.spec)
    if before is None:
        return now
    if any((folder.path / "runs").glob("*/seed-*/result.json")):
        return asking.going_on(before, now, spec.name)
    going = [run for run, one in states(folder, spec.runs).items() if one.kind is Kind.GOING]
    if going:
        raise StitchError(
            "locked",
            f"{going[0]} of an earlier sweep {spec.name} is still running",
            where=str(folder.run(going[0]).path),
            hint="wait until it has ended, then run the same command again",
        )
    for name in ("variants", "runs"):
        shutil.rmtree(folder.path / name, ignore_errors=True)
    return now


def plan_all(folder: SweepFolder, spec: Spec, layout: Layout, say: Say) -> None:
    with variants.Planner(folder, spec, layout) as planner:
        for one in spec.variants:
            if load(folder, one.name) is None:
                say(f"planning {one.name}: {'; '.join(one.texts)}")
                for warning in planner.plan(one).warnings:
                    say(f"  note: {warning}")


class Progress:
    """Goes through the runs: the thin shell around `ready`, which decides."""

    def __init__(
        self,
        folder: SweepFolder,
        spec: Spec,
        runs: list[Run],
        asked: dict[str, Any],
        engine: Engine,
        say: Say,
    ):
        self.folder, self.spec, self.runs, self.asked = folder, spec, runs, asked
        self.engine, self._say = engine, say
        self.looked = 0.0
        self.known: dict[Run, State] = {}
        self.tried: set[Run] = set()
        self.going: set[Run] = set()
        self.began = time.monotonic()
        self.ended_here = 0
        self.size = 0  # of the largest run that has ended here, in bytes

    def say(self, line: str) -> None:
        progress.show(None)
        self._say(line)

    def go(self) -> None:
        runs = self.runs
        self.known = states(self.folder, runs)
        todo = sum(state.kind is not Kind.DONE for state in self.known.values())
        if todo:
            self.say(
                f"{len(runs)} runs, {len(runs) - todo} done, {self.spec.jobs} at a time{self.spec.place}"
            )
        try:
            while self._step(runs):
                time.sleep(PAUSE)
        except KeyboardInterrupt:
            # A second Ctrl-C must not leave behind what the first one is about to end.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.say(f"stopping {len(self.going)} runs" if self.going else "stopping")
            self.engine.stop()
            raise self._interrupted() from None
        except BaseException:
            self.engine.stop()
            raise

    def _interrupted(self) -> StitchError:
        known = states(self.folder, self.runs)
        done = sum(state.kind is Kind.DONE for state in known.values())
        error = StitchError(
            "interrupted",
            f"interrupted: {done} of {len(self.runs)} runs are done and kept",
            hint="run the same command again: it goes on",
        )
        error.exit_status = INTERRUPTED
        return error

    def _step(self, runs: list[Run]) -> bool:
        """Look what has ended and start what can be; whether there is something to wait for."""
        ended = self.engine.poll()
        # What an earlier command has left running ends by itself.
        ended += [
            run for run in self._adopted() if state_of(self.folder.run(run)).kind is not Kind.GOING
        ]
        for run in ended:
            self.going.discard(run)
            self._ended(run)
        todo = ready(runs, self.known, self.tried)
        if todo:
            self._check_room()
        started = self.engine.start(todo)
        for run in started:
            self.known[run] = State(Kind.GOING)
        self.tried |= {*started}
        self.going |= {*started}
        self._show()
        return bool(self.going) or any(self._adopted())

    def _show(self) -> None:
        """On a terminal: how many runs are done, and what those that go on have printed so far."""
        now = time.monotonic()
        if not progress.is_shown() or now < self.looked + LOOK:
            return
        self.looked = now
        done = sum(state.kind is Kind.DONE for state in self.known.values())
        words = [f"{done} of {len(self.known)} runs done"]
        if self.ended_here and (left := len(self.known) - done):
            words.append(f"about {_duration(self._seconds_left(left))} left")
        progress.show(", ".join([*words, *map(self._so_far, sorted(self.going))]))

    def _so_far(self, run: Run) -> str:
        tries = self.folder.run(run).tries()
        found = printed.read(tries[-1].output, self.asked["metric"], "") if tries else None
        return f"{run}" + (f": {found.values[-1]:.4g}" if found else "")

    def _seconds_left(self, runs: int) -> float:
        return (time.monotonic() - self.began) / self.ended_here * runs

    def _check_room(self) -> None:
        """Whether the disk takes another run of the size of those that have ended, for each that goes on."""
        if not self.size:
            return
        free = shutil.disk_usage(self.folder.path).free
        if free < self.size * (len(self.going) + 1):
            why = f"a run takes {self.size / 1e6:.1f} MB, and {free / 1e6:.1f} MB are free"
            raise disk_full(self.folder.path, why)

    def _adopted(self) -> list[Run]:
        return [
            run
            for run, state in self.known.items()
            if state.kind is Kind.GOING and run not in self.going
        ]

    def _ended(self, run: Run) -> None:
        mine = run in self.tried
        state = self.known[run] = state_of(self.folder.run(run))
        if state.kind is Kind.GOING:
            return  # whoever started it is gone, and the training is not: it is waited for
        if state.kind is Kind.DONE and state.result is not None:
            self.ended_here += 1
            self.size = max(self.size, size_of(self.folder.run(run).path))
            self.say(self._line(run, state.result["value"]))
            if run.variant == BASELINE:
                self._check_seeds(run)
        elif mine:
            failure = state.failure or self._unexplained(run)
            self.say(f"{run}: {failure['reason']}")
            for line in failure.get("lines", ()):
                self.say(f"  | {line}")
            if failure.get("where"):
                self.say(f"  at {failure['where']}")
            if failure.get("hint"):
                self.say(f"  hint: {failure['hint']}")
            if failure["kind"] == "disk-full":
                raise disk_full(self.folder.run(run).path, "no space was left for it")
            if failure["kind"] == "no-metric":
                raise no_metric(run, failure, self.asked)
            if run == self.runs[0]:
                raise StitchError(
                    "baseline-failed",
                    f"the training of the project as it is failed: {failure['reason']}",
                    where=str(self.folder.run(run).path),
                    hint="the last lines that it printed are above; run it by hand first: "
                    + " ".join(self.spec.command),
                    details={"lines": list(failure.get("lines", ()))},
                )

    def _unexplained(self, run: Run) -> dict[str, Any]:
        """A run whose supervisor was killed, or failed itself."""
        said = self.folder.run(run).said
        lines = said.read_text("utf-8", "replace").splitlines() if said.exists() else []
        kind = "disk-full" if any("[disk-full]" in line for line in lines) else "interrupted"
        return {"kind": kind, "reason": "it was interrupted", "lines": lines[-5:]}

    def _check_seeds(self, run: Run) -> None:
        """Two baselines that begin alike have one seed between them."""
        mine = self.known[run].result
        for seed in self.spec.seeds:
            other = self.known.get(Run(BASELINE, seed))
            if seed == run.seed or other is None or other.result is None or mine is None:
                continue
            where = constant_seed(other.result["processes"], mine["processes"])
            if where is not None:
                raise one_seed(seed, run.seed, where, self.asked)

    def _line(self, run: Run, value: float) -> str:
        done = sum(state.kind is Kind.DONE for state in self.known.values())
        left = len(self.known) - done
        text = f"{run}: {self.asked['metric']} {value:.6g}  ({done} of {len(self.known)} done"
        return text + (f", about {_duration(self._seconds_left(left))} left)" if left else ")")


def no_metric(run: Run, failure: Mapping[str, Any], asked: Mapping[str, Any]) -> StitchError:
    names = list(failure["names"])
    hint = "let the training print it, val_acc: 0.93, or write it into a CSV file"
    if names:
        hint = f"--metric with one that was seen: {', '.join(names[:10])}"
    if failure.get("unread", "").endswith(tensorboard.WITHOUT_TENSORBOARD):
        hint = f"{asked['python']} -m pip install tensorboard, then run the same command again"
    where = " in its files and in what it printed"
    return StitchError(
        "no-metric",
        f"{run}: {failure['reason']}" + ("" if names or failure.get("unread") else where),
        hint=hint,
        suggestions=[f"--metric {shlex.quote(name)}" for name in names[:10]],
    )


def one_seed(one: int, other: int, where: str, asked: dict[str, Any]) -> StitchError:
    given = "it is given" if asked["seeded_by_runner"] else "the command gives it"
    return StitchError(
        "constant-seed",
        f"the baselines of seeds {one} and {other} drew the same numbers: the script sets a seed of its own",
        where=where.rpartition("/tree/")[2] or None,
        hint=f"let the script use the seed that {given}, as in torch.manual_seed(args.seed)",
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
