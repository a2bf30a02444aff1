"""Imported by Python at its start, where a sweep has put this folder on the path: the training is watched.

The user's own `sitecustomize`, which this one hides, is run afterwards.
"""

import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGES = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))


def _start() -> None:
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _HERE]
    settings = os.environ.get("STITCHGEN_RUN")
    if settings:
        sys.path.insert(0, _PACKAGES)
        try:
            from stitchgen.runner import start
        finally:
            sys.path.remove(_PACKAGES)
        start.watch(settings)


def _chain() -> None:
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize")
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


try:
    _start()
finally:
    _chain()
