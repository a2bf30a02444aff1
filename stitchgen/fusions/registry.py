"""All fusions by name: the modules of this package that bind `FUSION`."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from stitchgen import fusions
from stitchgen.fusions.fusion import Fusion


def found() -> dict[str, Fusion]:
    modules = (
        import_module(f"{fusions.__name__}.{info.name}")
        for info in pkgutil.iter_modules(fusions.__path__)
        if info.name not in ("fusion", "registry")
    )
    every = sorted((module.FUSION for module in modules), key=lambda one: one.rank)
    return {one.name: one for one in every}


FUSIONS = found()
