"""What the runner reads and writes: its settings, and a folder for each process that trains."""

import json
import os
from typing import Any, Dict, List, Optional


class Settings:
    """What the sweep asks of a run; see `stitchgen/sweep/supervise.py`, which writes it."""

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as stream:
            read: Dict[str, Any] = json.load(stream)
        self.folder: str = read["folder"]  # where this try's processes write
        self.tape: Optional[str] = read["tape"]  # where the baseline's wrote, for a variant
        self.pair: bool = read["pair"]  # put the baseline's state back
        self.seed: Optional[int] = read["seed"]  # None: the command gets it
        self.tree: str = read["tree"]
        self.counter: str = read["counter"]  # the file that counts multiply-accumulates
        self.edited: List[str] = read["edited"]  # files that a variant edits, below the tree
        #: Two named pipes, where the training is begun for the time of a forward alone.
        self.turns: Optional[List[str]] = read.get("turns")


def process_name(taken: str) -> str:
    """The name of this process among those of a run: its rank, and which of that rank it is.

    Made at the first thing that it does with a model, so that workers and helpers get none.
    """
    rank = os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or _rank_of_group() or "0"
    number = 0
    while True:
        name = "rank-%s-%d" % (rank, number)
        try:
            os.makedirs(os.path.join(taken, name))
        except FileExistsError:
            number += 1
            continue
        return name


def _rank_of_group() -> Optional[str]:
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return str(torch.distributed.get_rank())
    return None


def write_json(path: str, content: Any) -> None:
    """The file is the old one or the new one, whenever the process ends."""
    draft = path + ".draft"
    with open(draft, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
    os.replace(draft, path)
