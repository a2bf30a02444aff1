"""What happens in a process that trains: recorded for the baseline, put back and looked at for a variant."""

import os
import sys
import weakref
from typing import Any, Dict, List, Optional, Set, Tuple

import torch
from torch import nn

from stitchgen.runner import data, tape
from stitchgen.runner.blocks import Blocks
from stitchgen.runner.cost import Cost
from stitchgen.runner.files import Settings, process_name, write_json

#: So many names are kept of tensors that are not equal.
MOST_NAMES = 20


class Watcher:
    """Gets the events from the hooks, and leaves `report.json` in the folder of its process."""

    def __init__(self, settings: Settings, process: int) -> None:
        self.settings = settings
        self.process = process
        self.folder: Optional[str] = None
        self.recorder: Optional[tape.Recorder] = None
        self.player: Optional[tape.Player] = None
        self.blocks = Blocks()
        self.cost = Cost(settings.counter)
        self.costs: Optional[Dict[str, Any]] = None
        self.roots: List[Tuple[int, Any]] = []  # with weak references
        self.built_count = 0
        self.trained: Set[int] = set()  # numbers of roots that an optimizer has begun to change
        self.held: Set[int] = set()  # of those, the ones that an optimizer has parameters of
        self.built_at: Dict[int, Optional[str]] = {}  # where roots were built, `path:line`
        self.made_at: Any = weakref.WeakKeyDictionary()  # and optimizers
        self.optimizer_at: Optional[str] = None  # the one that took the first step
        self.stepped: Any = weakref.WeakSet()  # optimizers that have taken a step
        self.loaders: Any = weakref.WeakSet()  # those that have been gone through
        self.other_samples: List[Optional[str]] = (
            []
        )  # where one has other samples than the baseline's
        self.first_step = False
        self.shared = 0
        self.unequal: List[str] = []
        self.fingerprints: List[str] = []
        self.seeds: List[Tuple[int, Optional[str]]] = []
        self.busy = False

    # -- what the hooks say ------------------------------------------------------------------------

    def built(self, module: nn.Module, where: Optional[str] = None) -> None:
        """A module of the user's has been constructed, and none around it is being constructed."""
        if self._passes_over() or not [*module.parameters(), *module.buffers()]:
            return
        number = self.built_count
        self.built_count += 1
        self.built_at[number] = where
        self.roots.append((number, weakref.ref(module)))
        self.cost.built(weakref.ref(module))
        here = [(number, module)]
        self._event("built", type(module).__name__, tape.named_tensors(here), (number, module))

    def optimizer_made(self, optimizer: Any, where: Optional[str] = None) -> None:
        if self._passes_over():
            return
        self.made_at[optimizer] = where
        fresh = [(number, root) for number, root in self._alive() if number not in self.trained]
        self._event("optimizer", type(optimizer).__name__, tape.named_tensors(fresh))

    def stepping(self, optimizer: Any) -> None:
        """An optimizer is about to step; what it holds is as it was before its first step."""
        if optimizer in self.stepped or self._passes_over():
            return
        self.stepped.add(optimizer)
        fresh = [(number, root) for number, root in self._alive() if number not in self.trained]
        tensors = tape.named_tensors(fresh, buffers=False)
        self._event("step", type(optimizer).__name__, tensors)
        self.blocks.stepping(optimizer)
        self.trained |= {number for number, _ in fresh}
        held = {id(one) for group in optimizer.param_groups for one in group["params"]}
        for number, root in fresh:
            if any(id(one) in held for one in root.parameters()):
                self.held.add(number)
                self.cost.stepping(root)
        self.optimizer_at = self.optimizer_at or self.made_at.get(optimizer)
        self.first_step = True
        self._write()

    def splitting(self) -> None:
        if not self._passes_over():
            self._event("split", "", {})

    def loader_started(self, loader: Any, where: Optional[str] = None) -> None:
        if self._passes_over():
            return
        samples = ""
        if loader not in self.loaders:
            self.loaders.add(loader)
            samples = data.samples_of(loader.dataset, values=not self.first_step)
        self._event("loader", "", {}, samples=samples, where=where)
        if self.first_step:
            self._write()

    def seeded(self, value: int, where: Optional[str]) -> None:
        if not self.first_step and not self._passes_over():
            self.seeds.append((value, where))

    def ended(self) -> None:
        if self.folder is not None and not self._passes_over():
            self._write()
            self.busy = True
            try:
                self.costs = self.cost.measured()
            finally:
                self.busy = False
            self._write()

    # -- what is done about it ---------------------------------------------------------------------

    def _passes_over(self) -> bool:
        """In a worker that was forked, or inside of what the watcher itself does."""
        return self.busy or os.getpid() != self.process

    def _alive(self) -> List[Tuple[int, nn.Module]]:
        found = [(number, reference()) for number, reference in self.roots]
        return [(number, root) for number, root in found if root is not None]

    def _event(
        self,
        kind: str,
        name: str,
        tensors: tape.Tensors,
        root: Optional[Tuple[int, nn.Module]] = None,
        samples: str = "",
        where: Optional[str] = None,
    ) -> None:
        self.busy = True
        try:
            self._open()
            if self.recorder is not None:
                structure = tape.structure_of(*root) if root else {}
                fingerprint = self.recorder.event(kind, name, tensors, structure, samples)
                self.fingerprints.append(fingerprint)
            if self.player is not None:
                shared = self.player.event(kind, name, tensors)
                if root is not None and not self.player.stopped:
                    self.blocks.found(*root, self.player.structure, self.player.known)
                if samples != shared.samples and not self.player.stopped:
                    self.other_samples.append(where)
                if kind == "step":
                    self.shared += len(shared.shared)
                    self.unequal += shared.unequal
        finally:
            self.busy = False

    def _open(self) -> None:
        """Take a name among the processes of the run, once there is something to say."""
        if self.folder is not None:
            return
        name = process_name(self.settings.folder)
        self.folder = os.path.join(self.settings.folder, name)
        if self.settings.tape is None:
            self.recorder = tape.Recorder(self.folder)
        else:
            there = os.path.join(self.settings.tape, name)
            self.player = tape.Player(there, puts=self.settings.pair)

    def _write(self) -> None:
        assert self.folder is not None
        self.busy = True
        try:
            self.blocks.look()
            write_json(os.path.join(self.folder, "report.json"), self._report())
        finally:
            self.busy = False

    def _report(self) -> Dict[str, Any]:
        return {
            "torch": torch.__version__,
            "python": sys.version.split()[0],
            "built": self.built_count,
            "stepped": self.first_step,
            "fingerprints": self.fingerprints[:8],
            "seeds": self.seeds[-8:],
            "optimizer_at": self.optimizer_at,
            "trained_at": {str(number): self.built_at[number] for number in sorted(self.held)},
            "loaded": self._loaded(),
            "blocks": self.blocks.as_dict(),
            "cost": self.costs,
            "pairing": {
                "shared": self.shared,
                "unequal": self.unequal[:MOST_NAMES],
                "unequal_count": len(self.unequal),
                "other_samples": self.other_samples[:MOST_NAMES],
                "events": self.player.count if self.player else 0,
                "stopped": self.player.stopped if self.player else None,
            },
        }

    def _loaded(self) -> Dict[str, List[str]]:
        """For each edited file that was imported, from where: the modules whose names end as its path does."""
        found: Dict[str, List[str]] = {}
        tree = os.path.realpath(self.settings.tree)
        files = [getattr(one, "__file__", None) for one in list(sys.modules.values())]
        paths = {os.path.realpath(os.path.join(tree, file)) for file in files if file}
        for edited in self.settings.edited:
            ending = os.sep + edited.replace("/", os.sep)
            found[edited] = sorted(path for path in paths if path.endswith(ending))
        return found
