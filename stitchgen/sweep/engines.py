"""The engine that a sweep asks for; those of clusters are imported only where they are."""

from __future__ import annotations

from collections.abc import Callable

from stitchgen.sweep.engine import Engine
from stitchgen.sweep.folders import SweepFolder
from stitchgen.sweep.local import LocalEngine
from stitchgen.sweep.spec import Spec


def open_engine(folder: SweepFolder, spec: Spec, say: Callable[[str], None]) -> Engine:
    """Raises StitchError `no-cluster`: a package is missing, or the cluster does not answer."""
    place = spec.place
    match place.engine:
        case "slurm":
            from stitchgen.sweep.slurm import SlurmEngine

            return SlurmEngine(folder, spec.jobs, place.settings, spec.timeout)
        case "ray":
            from stitchgen.sweep.ray import RayEngine

            return RayEngine(folder, spec.jobs, place.address, place.settings, say)
    return LocalEngine(folder, spec.jobs, place.gpus)
