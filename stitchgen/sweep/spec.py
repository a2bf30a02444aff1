"""What a sweep is asked to do, as frozen data."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stitchgen.errors import UsageError
from stitchgen.targets.request import SpliceRequest

BASELINE = "baseline"
#: Names of folders and of rows; no path, no blank.
NAME = re.compile(r"[A-Za-z0-9][\w.@+-]*")
#: So many runs are with a cluster at once, where --jobs does not say it; a cluster has its own limits.
QUEUED = 256
#: In the name of a metric, a word that says that less is better.
LESS = re.compile(
    r"(?:^|[^a-z])(?:loss|err|error|mae|mse|rmse|ppl|perplexity|fid|wer|cer|nll)(?:[^a-z]|$)"
)


@dataclass(frozen=True)
class Metric:
    """The number that runs are compared by."""

    name: str
    less_is_better: bool
    at: str = "last"  # or "best"

    @classmethod
    def of(cls, text: str, at: str = "last") -> Metric:
        """`val_acc`, or with the direction `min:val_loss`; else the name tells it."""
        direction, colon, name = text.partition(":")
        if not colon or direction not in ("min", "max"):
            direction, name = "", text
        if not name.strip():
            raise UsageError("usage", "--metric names no metric", hint="--metric val_acc")
        less = direction == "min" or (not direction and bool(LESS.search(name.lower())))
        return cls(name.strip(), less, at)


@dataclass(frozen=True)
class Variant:
    """What is done to the project: each text is an `add` or a `fuse`, with the request it means."""

    name: str
    texts: tuple[str, ...]
    requests: tuple[SpliceRequest, ...]


@dataclass(frozen=True)
class Place:
    """Where runs are started: on this machine, by SLURM, or on a Ray cluster."""

    engine: str = "local"  # or "slurm", "ray"
    address: str = ""  # of the Ray cluster
    settings: Mapping[str, Any] = field(default_factory=dict)  # the table [slurm] or [ray]
    gpus: tuple[str, ...] = ()  # of this machine: a slot each

    def __str__(self) -> str:
        return {"slurm": " on SLURM", "ray": f" on Ray at {self.address}"}.get(self.engine, "")

    def cores(self, jobs: int) -> int:
        """The cores of each run: what it is given by the cluster, else a fair share of this machine's."""
        match self.engine:
            case "slurm":
                return int(self.settings.get("cpus_per_task") or 1)
            case "ray":
                return max(1, int(self.settings.get("num_cpus") or 1))
        return max(1, (os.cpu_count() or 1) // jobs)


@dataclass(frozen=True)
class Spec:
    """One sweep: what is run, with which variants and seeds, and what is read from it."""

    name: str
    command: tuple[str, ...]  # with {seed}, and {run} for the folder of the run
    seeds: tuple[int, ...]
    metric: Metric
    variants: tuple[Variant, ...]
    jobs: int = 1
    place: Place = Place()
    folder: str = "."  # where it was typed, below the root: runs start there in their trees
    python: str | None = None
    pair: bool = True
    timeout: float | None = None  # seconds a run may take
    link: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.command:
            raise UsageError(
                "usage",
                "it is not said what trains the model",
                hint="put the command last, behind --: -- python train.py --seed {seed}",
            )
        names = [variant.name for variant in self.variants]
        for name in names:
            if not NAME.fullmatch(name) or name == BASELINE or names.count(name) > 1:
                why = "is the project as it is" if name == BASELINE else "is taken or no plain name"
                raise UsageError(
                    "usage",
                    f"--variant {name}: this name {why}",
                    hint='--variant cbam2="cbam --after model.layer2"',
                )
        if not NAME.fullmatch(self.name):
            raise UsageError("usage", f"--name {self.name!r} is no plain name", hint="--name first")

    @property
    def names(self) -> tuple[str, ...]:
        """The rows: the baseline, then the variants."""
        return (BASELINE, *(variant.name for variant in self.variants))

    @property
    def runs(self) -> list[Run]:
        """All runs, in the order in which they are to start."""
        return in_order(self.names, self.seeds)

    def frozen(self) -> dict[str, Any]:
        """What makes two runs of the sweep comparable: the same command goes on with it."""
        return {
            "command": list(self.command),
            "metric": self.metric.name,
            "less_is_better": self.metric.less_is_better,
            "at": self.metric.at,
            "folder": self.folder,
            "pair": self.pair,
            "variants": {variant.name: list(variant.texts) for variant in self.variants},
        }

    def with_command(self, command: Sequence[str]) -> Spec:
        return replace(self, command=tuple(command))


@dataclass(frozen=True, order=True)
class Run:
    """One training: a variant (or the baseline) at a seed."""

    variant: str
    seed: int

    def __str__(self) -> str:
        return f"{self.variant}, seed {self.seed}"


def in_order(names: Sequence[str], seeds: Sequence[int]) -> list[Run]:
    """Seed by seed, so that a sweep that is stopped has whole pairs; a baseline one seed ahead.

    A variant starts from the tape that its baseline leaves, and two baselines tell whether the
    script takes its seed.
    """
    ranked = []
    for number, seed in enumerate(seeds):
        for place, name in enumerate(names):
            when = number - 1 if name == BASELINE and number else number
            ranked.append(((when, place and place + 1, number), Run(name, seed)))
    first = [(key, run) for key, run in ranked if key == (0, 0, 0)]
    rest = sorted((item for item in ranked if item not in first), key=lambda item: item[0])
    return [run for _, run in first + rest]


def seeds_of(text: str) -> tuple[int, ...]:
    """`5` is 0 to 4; `100-104` and `1,2,7` are what they say."""
    found: list[int] = []
    for part in text.split(","):
        one = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if one is None:
            raise UsageError(
                "usage", f"--seeds {text!r} is not understood", hint="--seeds 5, 100-104 or 1,2,7"
            )
        first, last = int(one[1]), int(one[2] or one[1])
        found += range(first, last + 1)
    if "," not in text and "-" not in text:
        found = [*range(found[0])]
    if not found or len(set(found)) < len(found):
        raise UsageError("usage", f"--seeds {text!r} names none, or one twice", hint="--seeds 5")
    return tuple(found)
