"""At the start of a Python of a training: seeds, and waits for torch to be imported."""

import importlib.util
import os
import random
import sys
from importlib.machinery import ModuleSpec
from typing import Any, Callable, Dict, Optional

from stitchgen.runner.files import Settings

Action = Callable[[Any], None]


class AfterImport:
    """A finder that finds nothing itself: it has something done once a module has been imported."""

    def __init__(self, actions: Dict[str, Action]) -> None:
        self.actions = actions

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        action = self.actions.pop(name, None)
        if action is None:
            return None
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            self.actions[name] = action  # a training may try again, with another path
            return None
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            action(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def watch(settings_file: str) -> None:
    """Have this process watched, as the settings say."""
    settings = Settings(settings_file)
    seed = settings.seed
    started = os.getpid()

    def with_torch(torch: Any) -> None:
        if seed is not None:
            torch.manual_seed(seed)
        from stitchgen.runner import hooks, turns, watcher

        if settings.turns is not None:
            hooks.install(turns.Turns(settings, started))
        else:
            hooks.install(watcher.Watcher(settings, started))

    actions: Dict[str, Action] = {"torch": with_torch}
    if seed is not None:
        random.seed(seed)
        # A process of its own would otherwise draw the same numbers as any other.
        actions["numpy"] = lambda numpy: numpy.random.seed(seed % 2**32)
    sys.meta_path.insert(0, AfterImport(actions))
