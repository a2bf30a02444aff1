"""A training that is begun for the time of one forward: it is stopped at its first step, and asked in turns.

Whoever started it gets a line of JSON for each byte, by two named pipes; when the other end of the first is
closed, the process ends.
"""

import json
import os
import platform
import weakref
from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import nn

from stitchgen.runner.cost import Cost, fastest
from stitchgen.runner.files import Settings, process_name

#: Forwards and seconds of one turn.
TIMES, SECONDS = 10, 0.2


class Turns:
    """Gets the events from the hooks, as a watcher does, until a model is trained whose input was seen."""

    def __init__(self, settings: Settings, process: int) -> None:
        self.settings = settings
        self.process = process
        self.cost = Cost(settings.counter)
        self.roots: List[Any] = []  # weak references

    def built(self, module: nn.Module, where: Optional[str]) -> None:
        if self._is_here() and [*module.parameters(), *module.buffers()]:
            self.roots.append(weakref.ref(module))
            self.cost.built(weakref.ref(module))

    def optimizer_made(self, optimizer: Any, where: Optional[str]) -> None:
        pass

    def splitting(self) -> None:
        """Nothing is put back here."""

    def loader_started(self, loader: Any, where: Optional[str] = None) -> None:
        pass

    def seeded(self, value: int, where: Optional[str]) -> None:
        pass

    def ended(self) -> None:
        pass

    def stepping(self, optimizer: Any) -> None:
        """The model is there and has run: serve until nobody asks any more."""
        if not self._is_here():
            return
        held = {id(one) for group in optimizer.param_groups for one in group["params"]}
        for reference in self.roots:
            root = reference()
            if root is not None and any(id(one) in held for one in root.parameters()):
                self.cost.stepping(root)
        if self.cost.trained is None:
            return
        # Of several processes of one training the first answers; the others wait for it.
        if process_name(self.settings.folder).startswith("rank-0-0"):
            try:
                self._serve(self.cost.called, self.cost.inputs)
            finally:
                os._exit(0)

    def _is_here(self) -> bool:
        return os.getpid() == self.process

    def _serve(self, model: Optional[nn.Module], inputs: Optional[Tuple[Any, ...]]) -> None:
        assert self.settings.turns is not None
        ask, answer = self.settings.turns
        # Neither waits for the other end, which may be gone.
        asked = os.open(ask, os.O_RDONLY | os.O_NONBLOCK)
        answers = os.open(answer, os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(asked, True)
        while os.read(asked, 1):
            os.write(answers, (json.dumps(self._turn(model, inputs)) + "\n").encode())

    def _turn(
        self, model: Optional[nn.Module], inputs: Optional[Tuple[Any, ...]]
    ) -> Dict[str, Any]:
        if model is None or not inputs:
            return {"reason": "no call of the model with plain inputs was seen"}
        try:
            model.eval()
            seconds = fastest(model, inputs, TIMES, SECONDS)
        except Exception as error:
            return {"reason": "%s: %s" % (type(error).__name__, str(error)[:200])}
        return {"seconds": seconds, "device": device_of(inputs[0])}


def device_of(tensor: torch.Tensor) -> str:
    """The device in words."""
    if tensor.is_cuda:
        return str(torch.cuda.get_device_name(tensor.device))
    threads = torch.get_num_threads()
    kind = platform.machine() if tensor.device.type == "cpu" else tensor.device.type
    return "%s, %d thread%s" % (kind, threads, "" if threads == 1 else "s")
