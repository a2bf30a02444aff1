"""The survey of a model by reading alone, in the same terms as the observer's (floor 4).

Serves where torch is not to be found and for `--no-prove`. What reading is not certain of is left
out, so that a plan made from it is refused rather than wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from stitchgen import catalog, reading
from stitchgen.cst import Document
from stitchgen.facts import CallSite, Layer
from stitchgen.observed import Configuration, Survey
from stitchgen.resolve import explicit_class
from stitchgen.session import Session, module_classes
from stitchgen.workbench import Workbench

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
READ = "as read in the source"


def read_survey(session: Session, bench: Workbench) -> Survey:
    """One configuration for each class that could be read: `Net` as its source describes it."""
    classes: dict[str, Any] = {}
    configurations = []
    text = session.syntax.document.text
    files = reading.files_beside(session.file, *session.import_name.paths)
    wanted = wanted_classes(session)
    read = targets_alone(session, wanted, files)
    if read is None:
        read = reading.read_classes(session.file, text, files, wanted)
    for name, layers in read.items():
        if layers:
            key = class_key(session, name, classes)
            table = table_of(session, bench, layers, classes)
            configurations.append(Configuration(f"{name}, {READ}", key, table, 0, ""))
    return Survey(configurations, classes, {})


def targets_alone(
    session: Session, wanted: Sequence[str], files: reading.ProjectFiles
) -> dict[str, list[Layer]] | None:
    """Just the targets' layers, where the source of their classes tells all of them at once.

    Where a layer below others goes depends on its neighbours, so it is not read alone.
    """
    found: dict[str, list[Layer]] = {}
    for located in session.located:
        explicit = explicit_class(session.syntax, located.names)
        if explicit is None and len(wanted) != 1:
            return None
        name, path = explicit or (wanted[0], ".".join(located.names))
        layer = None
        if path and "." not in path:
            text = session.syntax.document.text
            layer = reading.read_layer(session.file, text, name, path, files)
        if layer is None:
            return None
        found.setdefault(name, []).append(layer)
    return found


def wanted_classes(session: Session) -> list[str]:
    """The classes that the targets name, else those that the file builds, else all of it."""
    every = module_classes(session.syntax)
    named = [name for located in session.located for name in located.names[:1] if name in every]
    built = reading.configurations(session.syntax.tree, session.syntax.document.text)
    return list(dict.fromkeys(named)) or [name for name in every if name in built] or every


def class_key(session: Session, name: str, classes: dict[str, Any]) -> str:
    """The key of a class by its name, noting it among the classes."""
    if name in CONTAINERS:
        key = f"torch.nn.modules.container:{name}"
    else:
        key = f"{session.import_name.module}:{name}"
    if key not in classes:
        node = session.syntax.class_named(name)
        bases = []
        for base in node.bases if node is not None else ():
            last = ast.unparse(base).rpartition(".")[2]
            if last in CONTAINERS or session.syntax.class_named(last) is not None:
                bases.append(class_key(session, last, classes))
        inherited = [grand for base in bases for grand in classes[base]["bases"]]
        classes[key] = {
            "name": name,
            "file": str(session.file) if node is not None else "",
            "bases": bases + inherited,
        }
    return key


def table_of(
    session: Session, bench: Workbench, layers: Sequence[Layer], classes: dict[str, Any]
) -> dict[str, Any]:
    by_path = {layer.path: layer for layer in layers}
    links = {layer.path: links_of(by_path, layer) for layer in layers}
    return {
        layer.path: {
            "path": layer.path,
            "same_as": None,
            "class": class_key(session, layer.class_name, classes),
            "calls": {"eval": calls_in_one_run(bench, layer.sites)},
            "sites": [
                site_of(bench.syntax(site.file).document, site, number)
                for number, site in enumerate(layer.sites, 1)
            ],
            "definition": links[layer.path],
            "readers": list(layer.readers),
            "scripted": False,
            "sizes": {},
            "output": {"shape": None},
            "features": [feature_of(layer, certain(session, layer, links[layer.path]))],
            "channels_read": layer.channels,
        }
        for layer in layers
    }


def calls_in_one_run(bench: Workbench, sites: Sequence[CallSite]) -> int:
    """How many of the calls one forward pass can make: branches of one `if` exclude each other."""
    if len(sites) < 2:
        return len(sites)
    for index, site in enumerate(sites):
        for other in sites[index + 1 :]:
            if site.file != other.file:
                return len(sites)
            if not bench.syntax(site.file).exclusive(site.span, other.span):
                return len(sites)
    return 1


def site_of(document: Document, site: CallSite, number: int) -> Mapping[str, Any]:
    start, end = site.span
    first, last = document.line_of(start), document.line_of(end)
    starts = document.line_starts
    span = [first, start - starts[first - 1], last, end - starts[last - 1]]
    return {
        "file": site.file,
        "line": site.line,
        "span": span,
        "function": site.function,
        "owner": site.owner,
        "owner_class": site.owner_class,
        "called": site.called,
        "chain": list(site.chain),
        "how": "call",
        "modes": [],
        "numbers": [number],
    }


def links_of(by_path: Mapping[str, Layer], layer: Layer) -> list[Any]:
    """For each name of the path, the frame in which that child was made, as far as it is read."""
    links: list[Any] = []
    names = layer.path.split(".")
    for depth in range(1, len(names) + 1):
        known = by_path.get(".".join(names[:depth]))
        definition = known.definition if known is not None else None
        if definition is None:
            links.append(None)
            continue
        assert known is not None
        owner = known.sites[0].owner if known.sites else ".".join(names[: depth - 1])
        links.append(
            [
                {
                    "file": definition.file,
                    "line": definition.line,
                    "function": definition.function.rpartition(".")[2],
                    "constructor": definition.function,
                    "self": owner,
                }
            ]
        )
    return links


def certain(session: Session, layer: Layer, links: Sequence[Any]) -> bool:
    """Whether reading tells for which layers a block there runs, and where it can be created.

    Of a layer that some configurations lack a block can go beside its own definition alone: which
    ones, a condition elsewhere would have to tell. What else runs the same code is known of the
    classes of the model file alone. And the block comes after all that leads to the layer is made.
    """
    beside = all(not site.owner and not site.chain for site in layer.sites)
    here = all(site.file == str(session.file) for site in layer.sites)
    return here and (layer.everywhere or beside) and None not in links


def feature_of(layer: Layer, certain: bool) -> Mapping[str, Any]:
    """What the layer gives; what it takes is not read."""
    unknown = {"layout": None, "channels": None, "dims": None}
    layout = layer.layout if certain else None
    dims = catalog.FEATURES[layout][1] if layout in catalog.FEATURES else layer.dims
    gives = {"layout": layout, "channels": layer.channels.value, "dims": dims}
    return {"gives": gives if layout else unknown, "takes": unknown}
