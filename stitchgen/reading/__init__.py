"""Static reading of model files: what can be said of a model without running it.

Floor 2: uses `ast` and the standard library, and `facts` of floor 0; no torch, no LibCST, no
user code. What reading cannot know for certain it calls unknown, with a reason.
"""

from stitchgen.reading.factories import WEIGHTS, configurations, constructible, factories, harmless
from stitchgen.reading.layers import ReadClass, built_classes, read_classes, read_layer, read_layers
from stitchgen.reading.loops import element_uses
from stitchgen.reading.project import ProjectFiles, files_beside
from stitchgen.reading.scope import imported_names
from stitchgen.reading.uses import Use, layer_uses

__all__ = [
    "WEIGHTS",
    "ProjectFiles",
    "ReadClass",
    "Use",
    "built_classes",
    "configurations",
    "constructible",
    "element_uses",
    "factories",
    "files_beside",
    "harmless",
    "imported_names",
    "read_classes",
    "read_layer",
    "read_layers",
    "layer_uses",
]
