"""The engine of a SLURM cluster: runs are jobs of submitit, which writes and submits them.

SLURM need not keep accounts: which jobs are queued is asked of squeue. Jobs outlive the command that
submitted them; the next one finds those that are still queued by `slurm.json` in the folders of their runs.
"""

from __future__ import annotations

import getpass
import math
import re
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stitchgen.errors import StitchError
from stitchgen.sweep.cluster import Endings, carries_out, no_cluster, say_in
from stitchgen.sweep.command import supervisor
from stitchgen.sweep.folders import SweepFolder, read_json, write_json
from stitchgen.sweep.spec import Run

#: Seconds between two questions to squeue, which sites want to be few.
PAUSE = 5.0
#: So long squeue may fail, as while slurmctld is restarted, in seconds.
PATIENCE = 600.0
#: A training has so many seconds between SLURM's SIGTERM and the end of its time.
WARNED = 30
#: Minutes that a run may take beyond its --timeout, for its tree and its metrics.
AROUND = 5
PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol", "srun")


class SlurmEngine:
    """Each run is a job. `jobs` is how many are queued at once, `settings` what submitit is given."""

    def __init__(
        self,
        folder: SweepFolder,
        jobs: int,
        settings: Mapping[str, Any],
        timeout: float | None = None,
    ):
        missing = [program for program in PROGRAMS if shutil.which(program) is None]
        if missing:
            raise no_cluster(
                f"--slurm needs {missing[0]}, which is not on the PATH",
                "run it on a login node of the cluster, or without --slurm on this machine",
            )
        try:
            import submitit
        except ImportError as error:
            raise no_cluster(
                "--slurm needs submitit, which is not installed", "pip install 'stitchgen[slurm]'"
            ) from error
        self.folder, self.jobs = folder, jobs
        self.executor = submitit.SlurmExecutor(folder.path / "slurm")
        given = {
            "job_name": f"sweep-{folder.name}",
            # Its own default are five minutes; the partition's limit is meant.
            "time": None if timeout is None else math.ceil(timeout / 60) + AROUND,
            "array_parallelism": jobs,
            **settings,
        }
        # SIGTERM ends a run as it should; submitit's USR2 would kill what does not know it.
        extra = {"signal": f"TERM@{WARNED}", **given.pop("additional_parameters", {})}
        try:
            self.executor.update_parameters(**given, additional_parameters=extra)
        except (TypeError, ValueError) as error:
            raise no_cluster(
                f"the settings of [slurm] do not fit: {str(error).splitlines()[0]}",
                "those of submitit's SlurmExecutor, such as partition, time (minutes), cpus_per_task, "
                "gpus_per_node, mem, account, qos",
            ) from error
        self.endings = Endings(folder)
        self.going: dict[Run, str] = {}
        self.gone: dict[Run, str] = {}  # no longer queued; their folders may show it a moment later
        self.asked = self.answered = time.monotonic()
        self.queued = self._queued()

    def start(self, runs: Sequence[Run]) -> list[Run]:
        """One array of all that there is room for; a job that an earlier command left is taken over."""
        wanted = list(runs)[: max(0, self.jobs - len(self.going))]
        fresh = []
        for run in wanted:
            known = (read_json(self._file(run)) or {}).get("job")
            if known in self.queued:
                self._begun(run, known)
            else:
                fresh.append(run)
        if fresh:
            for run, job in zip(fresh, self._submitted(fresh)):
                write_json(self._file(run), {"job": job})
                self._begun(run, job)
        return wanted

    def _submitted(self, runs: Sequence[Run]) -> list[str]:
        work = carries_out()
        jobs = []
        try:
            with self.executor.batch():
                for run in runs:
                    place = self.folder.run(run)
                    place.path.mkdir(parents=True, exist_ok=True)
                    words = supervisor(place.path)
                    jobs.append(self.executor.submit(work, words, str(place.said), {}, True))
        except Exception as error:
            raise no_cluster(
                f"SLURM takes no job: {reason_of(error)}",
                "mend that in [slurm] of sweep.toml, then run the same command again: it goes on",
            ) from error
        return [job.job_id for job in jobs]

    def _begun(self, run: Run, job: str) -> None:
        self.endings.begun(run)
        self.going[run] = job
        self.queued |= {job}

    def _file(self, run: Run) -> Path:
        return self.folder.run(run).path / "slurm.json"

    def poll(self) -> list[Run]:
        now = time.monotonic()
        if (self.going or self.gone) and now >= self.asked + PAUSE:
            self.asked = now
            self._look()
        ended = [run for run in self.gone if self.endings.has_settled(run)]
        for run in ended:
            job = self.gone.pop(run)
            say_in(self.folder.run(run).said, told(job))
        return ended

    def _look(self) -> None:
        """Note which jobs are no longer queued."""
        try:
            self.queued = self._queued()
        except StitchError:
            if time.monotonic() > self.answered + PATIENCE:
                raise
            return
        for run, job in list(self.going.items()):
            if job not in self.queued:
                self.gone[run] = self.going.pop(run)

    def _queued(self) -> set[str]:
        """The jobs of this user that wait, run or end; raises StitchError."""
        asked = ["squeue", "-h", "-r", "-o", "%i", "-u", getpass.getuser()]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
            problem = done.stderr.strip() if done.returncode else ""
        except (OSError, subprocess.TimeoutExpired) as error:
            problem = str(error)
        if problem:
            raise no_cluster(
                f"SLURM does not answer: {problem.splitlines()[-1]}",
                "see whether sinfo answers; jobs that are queued go on, and the same command finds them",
            )
        self.answered = time.monotonic()
        return set(done.stdout.split())

    def stop(self) -> None:
        """Cancel all; where SLURM no longer answers they go on, and the next command finds them."""
        jobs = sorted(self.going.values())
        if jobs:
            subprocess.run(["scancel", *jobs], capture_output=True, timeout=60)
            until = time.monotonic() + 2 * WARNED
            while {*jobs} & self.queued and time.monotonic() < until:
                time.sleep(0.5)
                self.queued = self._queued()
        self.going.clear()


def told(job: str) -> str:
    """What SLURM says of a job that has ended; it forgets it after some minutes."""
    asked = ["scontrol", "-o", "show", "job", job]
    try:
        text = subprocess.run(asked, capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        text = ""
    found = [
        f"{key} {one[1]}"
        for key in ("JobState", "Reason", "ExitCode", "NodeList")
        if (one := re.search(rf"\b{key}=(\S+)", text)) and one[1] not in ("None", "(null)")
    ]
    return f"SLURM job {job}: " + (", ".join(found) or "no longer known")


def reason_of(error: BaseException) -> str:
    """What sbatch printed, which is what an error of submitit ends with."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("sbatch:")]
    return (said or lines or [type(error).__name__])[-1]
