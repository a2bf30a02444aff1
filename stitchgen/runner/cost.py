"""What the trained model costs: parameters, multiply-accumulates and time of a forward.

Measured when the process ends, on the first inputs that the model was given, cut to one sample: nothing of the
training is touched by it.
"""

import importlib.util
import time
from typing import Any, Dict, List, Optional, Tuple

import torch
from torch import nn
from torch.nn.modules import module as modules

#: Calls of modules that are looked at until the model's own is among them.
PATIENCE = 50
#: Forwards that are timed, and the seconds that this may take.
TIMES, SECONDS = 30, 1.5


class Cost:
    """Takes hold of the model that is trained and of an input of it."""

    def __init__(self, counter: str) -> None:
        self.counter = counter  # the file of the class that counts multiply-accumulates
        self.roots: List[Any] = []  # weak references
        self.called: Optional[nn.Module] = None
        self.inputs: Optional[Tuple[Any, ...]] = None
        self.trained: Optional[nn.Module] = None
        self.calls = 0
        self.handle: Any = None

    def built(self, reference: Any) -> None:
        """A model was built: wait for the first call of it, or of what is around it."""
        self.roots.append(reference)
        if self.inputs is None and self.handle is None and self.calls < PATIENCE:
            self.handle = modules.register_module_forward_pre_hook(self._calling)

    def _calling(self, module: nn.Module, inputs: Tuple[Any, ...]) -> None:
        # The hook goes before the model runs, so that a compiler never meets it.
        self.calls += 1
        known = [reference() for reference in self.roots]
        mine = any(one is not None and one in known for one in module.modules())
        if mine or self.calls >= PATIENCE:
            self.handle.remove()
            self.handle = None
        if mine:
            self.called, self.inputs = module, one_sample(inputs)

    def stepping(self, root: nn.Module) -> None:
        """The root is trained: it is kept until the end, which a script's function may not do."""
        if self.trained is None and self.called is not None:
            if root in [*self.called.modules()]:
                self.trained = root
        elif self.trained is None:
            self.trained = root
        if self.handle is not None:
            self.handle.remove()
            self.handle = None

    def measured(self) -> Dict[str, Any]:
        """Parameters, multiply-accumulates, seconds; None, with the reason, for what cannot be determined."""
        if self.trained is None:
            return {
                "parameters": None,
                "macs": None,
                "seconds": None,
                "reason": "nothing was trained",
            }
        unique = {id(one): one.numel() for one in self.trained.parameters()}
        found: Dict[str, Any] = {"parameters": sum(unique.values()), "macs": None, "seconds": None}
        if self.called is None or not self.inputs:
            return {**found, "reason": "no call of the model with plain inputs was seen"}
        try:
            with torch.random.fork_rng(devices=[]):
                self.called.eval()
                found["macs"] = self._count(self.called, self.inputs)
                found["seconds"] = fastest(self.called, self.inputs)
        except Exception as error:
            # The training is over and has its result; that this cannot be determined is said in the report.
            return {**found, "reason": "%s: %s" % (type(error).__name__, str(error)[:200])}
        return {**found, "reason": None}

    def _count(self, model: nn.Module, inputs: Tuple[Any, ...]) -> int:
        spec = importlib.util.spec_from_file_location("_stitchgen_counter", self.counter)
        assert spec is not None and spec.loader is not None
        counting = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(counting)
        counter = counting.Counter()
        # With gradients on: without them whole layers go into one fused operation, which nobody can count.
        with torch.enable_grad(), counter:
            model(*inputs)
        return int(counter.macs)


def one_sample(inputs: Tuple[Any, ...]) -> Optional[Tuple[Any, ...]]:
    """The first sample of each tensor; None where something is no tensor."""
    if not inputs or not all(isinstance(one, torch.Tensor) and one.ndim for one in inputs):
        return None
    return tuple(one[:1].detach().clone() for one in inputs)


def fastest(
    model: nn.Module, inputs: Tuple[Any, ...], times: int = TIMES, seconds: float = SECONDS
) -> float:
    """The seconds of the fastest forward: others at work on the machine can only make it slower."""
    synchronize = torch.cuda.synchronize if inputs[0].is_cuda else None
    found = []
    begun = time.perf_counter()
    with torch.no_grad():
        model(*inputs)
        for _ in range(times):
            start = time.perf_counter()
            model(*inputs)
            if synchronize is not None:
                synchronize()
            found.append(time.perf_counter() - start)
            if time.perf_counter() - begun > seconds:
                break
    return min(found)
