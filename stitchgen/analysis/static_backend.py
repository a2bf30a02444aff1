"""The backend that reads: the survey of a model by its source alone.

Serves where torch is not to be found and for `--no-prove`. What reading is not certain of is left
out, so that a plan made from it is refused rather than wrong.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stitchgen.analysis import factories
from stitchgen.analysis import layer_facts as facts
from stitchgen.analysis.backend import ReadingBackend
from stitchgen.analysis.facts import CallSite, ClassName, Layer
from stitchgen.analysis.static.layers import ReadClass, built_classes, read_classes, read_layer
from stitchgen.analysis.subject import Subject, installed_packages
from stitchgen.analysis.survey import Configuration, Survey, join
from stitchgen.errors import StitchError
from stitchgen.layouts import FEATURES
from stitchgen.project.modules import ProjectFiles, files_beside, import_name
from stitchgen.project.workspace import Workspace
from stitchgen.source.imports import has_relative_imports
from stitchgen.source.syntax import Syntax, explicit_class, module_classes

CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
READ = "as read in the source"


class StaticBackend(ReadingBackend):
    """Surveys by reading; what the model computes it does not know."""

    def __init__(
        self, subject: Subject, workspace: Workspace, instead_of: StitchError | None = None
    ):
        self.subject, self.workspace = subject, workspace
        self.instead_of = instead_of

    def survey(
        self,
        builds: Sequence[str] = (),
        brief: Sequence[str] = (),
        *,
        strides: bool = False,
        meant: Collection[str] | None = None,
        others: bool = False,
    ) -> Survey:
        """One configuration for each class that could be read: `Net` as its source describes it.

        It stands for all that the file builds, and for those that the user names.
        """
        subject, workspace = self.subject, self.workspace
        classes = Classes(subject, workspace)
        configurations = []
        syntax = workspace.syntax(subject.file)
        installed = installed_packages(subject.python)
        files = files_beside(subject.file, *subject.paths, installed=installed, base=subject.base)
        wanted = wanted_classes(subject, syntax, files)
        read = targets_alone(subject, syntax, wanted, files)
        if read is None:
            read = read_classes(subject.file, syntax.document.text, files, wanted, subject.given)
        for name, model in read.items():
            if model.layers:
                key, layers = classes.key(model.kinds), layers_of(workspace, model, classes)
                configurations.append(Configuration(f"{name}, {READ}", key, layers))
        return Survey(configurations, classes.known, read=True)


def targets_alone(
    subject: Subject, syntax: Syntax, wanted: Sequence[str], files: ProjectFiles
) -> dict[str, ReadClass] | None:
    """Just the targets' layers, where the source of their classes tells all of them at once.

    Where a layer below others goes depends on its neighbours, so it is not read alone.
    """
    found: dict[str, ReadClass] = {}
    for names in subject.names:
        explicit = explicit_class(syntax, names)
        if explicit is None and len(wanted) != 1:
            return None
        name, path = explicit or (wanted[0], ".".join(names))
        model = None
        if path and "." not in path:
            model = read_layer(subject.file, syntax.document.text, name, path, files)
        if model is None:
            return None
        others = found[name].layers if name in found else ()
        found[name] = replace(model, layers=others + model.layers)
    return found


def wanted_classes(subject: Subject, syntax: Syntax, files: ProjectFiles) -> list[str]:
    """The classes that the targets name, else those that the file or the user builds, else all."""
    every, text = module_classes(syntax), syntax.document.text
    named = [name for names in subject.names for name in names[:1] if name in every]
    if named:
        return list(dict.fromkeys(named))
    built = set(factories.configurations(syntax.tree, text))
    built |= built_classes(subject.file, text, files, subject.given)
    return [name for name in every if name in built] or every


class Classes:
    """The classes of a survey, by their keys: `module:name`, as the observer has them."""

    def __init__(self, subject: Subject, workspace: Workspace) -> None:
        self.workspace = workspace
        self.known: dict[str, facts.ClassFacts] = {}
        self.modules = {str(subject.file): subject.module}

    def key(self, kinds: Sequence[ClassName]) -> str:
        """That of the first of a class and its bases, which are noted."""
        if not kinds:
            kinds = [ClassName("Module", None)]
        keys = [f"{self.module(kind)}:{kind.name}" for kind in kinds]
        for key, kind in zip(keys[1:], kinds[1:]):
            self.known.setdefault(key, facts.ClassFacts(kind.name, kind.file or ""))
        self.known[keys[0]] = facts.ClassFacts(kinds[0].name, kinds[0].file or "", tuple(keys[1:]))
        return keys[0]

    def module(self, kind: ClassName) -> str:
        if kind.file is None:
            return "torch.nn.modules.container" if kind.name in CONTAINERS else ""
        if kind.file not in self.modules:
            relative = has_relative_imports(self.workspace.syntax(kind.file).tree)
            name = import_name(Path(kind.file), self.workspace.root, relative_imports=relative)
            self.modules[kind.file] = name.module
        return self.modules[kind.file]


def layers_of(
    workspace: Workspace, model: ReadClass, classes: Classes
) -> dict[str, facts.LayerFacts]:
    by_path = {layer.path: layer for layer in model.layers}
    links = {layer.path: links_of(by_path, layer) for layer in model.layers}
    kinds = {"": model.kinds, **{layer.path: layer.kinds for layer in model.layers}}
    found = {}
    for layer in model.layers:
        numbers = call_numbers(workspace, layer.sites)
        # Of several calls each gets a block of its own, and has to be made for certain.
        made = max(numbers, default=0) < 2 or all(site.sure for site in layer.sites)
        known = made and certain(kinds, layer, links[layer.path])
        found[layer.path] = facts.LayerFacts(
            path=layer.path,
            class_key=classes.key(layer.kinds),
            calls={"eval": max(numbers, default=0)},
            sites=tuple(
                site_of(workspace.syntax(site.file), site, number, list(by_path))
                for number, site in zip(numbers, layer.sites)
            ),
            definition=links[layer.path],
            readers=layer.readers,
            output=facts.Value("Tensor"),
            features=(facts.CallFeatures(output_of(layer, certain=known), facts.UNKNOWN),),
            read=facts.ReadChannels(layer.channels, layer.from_root),
        )
    return found


def call_numbers(workspace: Workspace, sites: Sequence[CallSite]) -> list[int]:
    """Which call of one forward pass each is: those that exclude each other share a number."""
    numbers: list[int] = []
    for site in sites:
        earlier = (
            number
            for number, other in zip(numbers, sites)
            if site.file != other.file
            or not workspace.syntax(site.file).exclusive(site.span, other.span)
        )
        numbers.append(1 + max(earlier, default=0))
    return numbers


def site_of(syntax: Syntax, site: CallSite, number: int, paths: Sequence[str]) -> facts.CallSite:
    """A call that was read; of a slice of a Sequential with the children in it, if its bounds are written out."""
    document = syntax.document
    start, end = site.span
    first, last = document.line_of(start), document.line_of(end)
    starts = document.line_starts
    how, part = "call", tuple[str, ...]()
    call = syntax.call_at(site.span)
    if call is not None and isinstance(call.func, ast.Subscript):
        if isinstance(call.func.slice, ast.Slice):
            part = part_of(call.func.slice, children_of(join(site.owner, site.called), paths))
            how = "slice" if part else "unresolved"
    return facts.CallSite(
        how=how,
        part=part,
        file=site.file,
        line=site.line,
        position=(first, start - starts[first - 1], last, end - starts[last - 1]),
        function=site.function,
        owner=site.owner,
        owner_class=site.owner_class,
        called=site.called,
        numbers=(number,),
    )


def children_of(path: str, paths: Sequence[str]) -> list[str]:
    """The names of what a container holds, in their order."""
    prefix = f"{path}." if path else ""
    below = (one[len(prefix) :] for one in paths if one.startswith(prefix))
    return [name for name in below if "." not in name]


def part_of(bounds: ast.Slice, names: Sequence[str]) -> tuple[str, ...]:
    """The children in a slice; () where its bounds are not written out."""
    numbers: list[int | None] = []
    for bound in (bounds.lower, bounds.upper, bounds.step):
        try:
            number = None if bound is None else ast.literal_eval(bound)
        except ValueError:
            return ()
        numbers.append(number)
    return tuple(names[slice(*numbers)])


def links_of(
    by_path: Mapping[str, Layer], layer: Layer
) -> tuple[tuple[facts.Frame, ...] | None, ...]:
    """For each name of the path, the frame in which that child was made, as far as it is read."""
    links: list[tuple[facts.Frame, ...] | None] = []
    names = layer.path.split(".")
    for depth in range(1, len(names) + 1):
        known = by_path.get(".".join(names[:depth]))
        definition = known.definition if known is not None else None
        if definition is None:
            links.append(None)
            continue
        assert known is not None
        frame = facts.Frame(
            file=definition.file,
            line=definition.line,
            function=definition.function.rpartition(".")[2],
            module=known.sites[0].owner if known.sites else ".".join(names[: depth - 1]),
            constructor=definition.function,
        )
        links.append((frame,))
    return tuple(links)


def certain(
    kinds: Mapping[str, Sequence[ClassName]], layer: Layer, links: Sequence[object]
) -> bool:
    """Whether reading tells for which layers a block there runs, and where it can be created.

    Of a layer that some configurations lack a block can go beside its own definition alone: which
    ones, a condition elsewhere would have to tell. And the block comes after all that leads to the
    layer is made.
    """
    beside = all(not site.owner and not site.chain for site in layer.sites)
    known = all(
        ClassName(site.owner_class, site.file) in kinds.get(site.owner, ()) for site in layer.sites
    )
    return known and (layer.everywhere or beside) and None not in links


def output_of(layer: Layer, *, certain: bool) -> facts.Feature:
    """What the layer gives; what it is fed is not read."""
    if not certain or layer.layout is None:
        return facts.UNKNOWN
    dims = FEATURES[layer.layout][1] if layer.layout in FEATURES else layer.dims
    return facts.Feature(layer.layout, layer.channels.value, dims)
