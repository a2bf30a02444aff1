"""`stitchgen sweep` under kills: is the table that of a sweep that nobody disturbed, byte for byte?

    python benchmarks/sweep_kills.py              200 kills; an hour on two cores
    python benchmarks/sweep_kills.py --kills 5    a minute, as in the tests

A training without torch prints a number that depends on its seed alone. Again and again the scheduler, the process of a run or a training
is killed (SIGKILL) at a random moment, and the same command is run again. In the end: all runs done, each result of one try, none begun
while its training was alive, the report as that of an undisturbed sweep, and nothing that git sees. The exit status is 1 where one of it
is not so.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: It refuses to run beside itself: a mark in the folder that all runs of a seed share.
TRAIN = """\
import os, random, sys, time
seed, marks = int(sys.argv[1]), sys.argv[2]
mark = os.path.join(marks, f"seed-{seed}")
try:
    other = int(open(mark).read() or 0)
    os.kill(other, 0)
    if other and b"train.py" in open(f"/proc/{other}/cmdline", "rb").read():
        open(os.path.join(marks, "double"), "a").write(f"{seed}\\n")
except (OSError, ValueError):
    pass
open(mark, "w").write(str(os.getpid()))
draw = random.Random(seed)
for epoch in range(4):
    time.sleep(0.1)
    print(f"epoch {epoch} val_acc: {draw.random():.6f}", flush=True)
"""
REPORT = ("runs.csv", "variants.csv", "report.md", "index.html")


class Disturbed:
    """A project that is swept, and killed."""

    def __init__(self, folder: Path, seeds: int, jobs: int):
        self.folder, self.marks = folder / "project", folder / "marks"
        self.project = self.folder
        self.project.mkdir()
        self.marks.mkdir()
        (self.project / "pyproject.toml").touch()
        (self.project / "train.py").write_text(TRAIN)
        for words in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", *words], cwd=self.project, check=True)
        self.seeds, self.jobs = seeds, jobs
        self.said = folder / "said.txt"

    def command(self, name: str) -> list[str]:
        options = ["--seeds", str(self.seeds), "--metric", "val_acc", "--jobs", str(self.jobs)]
        options += ["--python", sys.executable, "--name", name]
        train = ["python", "train.py", "{seed}", str(self.marks)]
        return [sys.executable, "-m", "stitchgen", "sweep", *options, "--", *train]

    def start(self, name: str) -> subprocess.Popen[bytes]:
        with self.said.open("ab") as said:
            return subprocess.Popen(
                self.command(name),
                cwd=self.project,
                stdout=said,
                stderr=said,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )

    def finish(self, name: str) -> int:
        """Run it to its end; what a killed scheduler has left running is waited for."""
        until = time.monotonic() + 600
        while True:
            status = self.start(name).wait()
            if status in (0, 70) or time.monotonic() > until:
                return status
            time.sleep(0.2)

    def report(self, name: str) -> dict[str, bytes]:
        folder = self.project / ".stitchgen/sweeps" / name / "report"
        return {
            file: (folder / file).read_bytes().replace(name.encode(), b"NAME") for file in REPORT
        }

    def processes(self) -> list[int]:
        """All that belong to the sweep: of this user, with the project's folder in what they run or where."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes()
                place = os.readlink(path / "cwd")
            except OSError:
                continue
            mine = str(self.project).encode() in words or place.startswith(str(self.project))
            if mine and (b"stitchgen" in words or b"train.py" in words):
                found.append(int(path.name))
        return sorted(found)


def disturb(sweep: Disturbed, name: str, kills: int, draw: random.Random, pace: float) -> int:
    """Kill and go on until it is done or there were so many; how many there were.

    `pace` is the time of a run: between two kills some runs end, on a machine of any speed.
    """
    killed = 0
    scheduler = sweep.start(name)
    while killed < kills:
        time.sleep(draw.random() * 2 * pace)
        if scheduler.poll() is not None:
            if scheduler.returncode == 0:
                return killed
            scheduler = sweep.start(name)
            continue
        there = sweep.processes()
        if not there:
            continue
        victim = draw.choice(there)
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
        killed += 1
    # The last one is given no mercy either, so that what is left is a broken sweep.
    scheduler.kill()
    scheduler.wait()
    return killed


def wrong_in(sweep: Disturbed, names: list[str]) -> list[str]:
    """What is not as it should be after the sweeps of these names; the first was not disturbed."""
    found = []
    wanted = sweep.report(names[0])
    for name in names[1:]:
        found += [
            f"{name}: {file} differs"
            for file, raw in sweep.report(name).items()
            if raw != wanted[file]
        ]
        runs = sweep.project / ".stitchgen/sweeps" / name / "runs/baseline"
        results = [*runs.glob("seed-*/result.json")]
        if len(results) != sweep.seeds:
            found.append(f"{name}: {len(results)} results of {sweep.seeds}")
    if (sweep.marks / "double").exists():
        found.append(f"begun beside itself: {(sweep.marks / 'double').read_text().split()}")
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=sweep.project, capture_output=True, text=True
    ).stdout.splitlines()
    found += [f"git sees {line}" for line in status if not line.startswith("A ")]
    return found


def run(folder: Path, kills: int, seeds: int, jobs: int, draw: random.Random) -> list[str]:
    """Sweep undisturbed, then disturbed as often as it takes; what was wrong."""
    sweep = Disturbed(folder, seeds, jobs)
    names = ["calm"]
    began = time.monotonic()
    wrong = [f"calm: exit status {status}"] if (status := sweep.finish("calm")) else []
    pace = (time.monotonic() - began) / seeds
    total = 0
    while total < kills and not wrong:
        name = f"disturbed-{len(names)}"
        total += disturb(sweep, name, kills - total, draw, pace)
        names.append(name)
        status = sweep.finish(name)
        wrong += [f"{name}: exit status {status}"] if status else []
        if not wrong:
            wrong = wrong_in(sweep, names)
        print(f"{total} kills in {len(names) - 1} sweeps of {seeds} runs", flush=True)
    if wrong:
        print(sweep.said.read_text("utf-8", "replace")[-2000:])
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        draw = random.Random(options.seed)
        wrong = run(Path(folder), options.kills, options.seeds, options.jobs, draw)
    print("\n".join(wrong) or "all tables are those of the undisturbed sweep")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
