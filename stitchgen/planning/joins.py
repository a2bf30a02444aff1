"""The stitching methods: what is computed at a point, as texts and as the plain data of its check.

With T(x) the layer's output, B the block, S further layers and R a reduction:

    serial               B(T(x))                        interactive    B(T(x), S(x))
    after, with --fuse   T(x) + B(T(x))                 beside         T(x) + B(x)
    features             R(cat(S(x), T(x)))             with a gate    T(x) + a * (f - T(x))
    pyramid              S, T = B(S(x), T(x)), each projected back to its own channels

where + may be any fusion. The texts are those of `snippets/` and `fusions/`; the observer computes the
same by hand (`observer/joins.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stitchgen.catalog.render import snippet
from stitchgen.fusions.fusion import Fusion, Setting
from stitchgen.rewrite.insertion import BRANCH, FED, HERE, VALUE
from stitchgen.targets.placement import AFTER, Placement

#: In place of an order of axes: a map as the sequence of its positions, the channels first or last.
TOKENS, POSITIONS = "tokens", "positions"


@dataclass(frozen=True)
class Grid:
    """A sequence whose positions are those of a map, behind some tokens that have no place in it."""

    sizes: tuple[int, int]  # height and width, where they were seen
    prefix: int = 0
    names: tuple[str, str] | None = None  # the local variables that have them

    @property
    def texts(self) -> tuple[str, str]:
        return self.names or (str(self.sizes[0]), str(self.sizes[1]))


Adapter = tuple[int, ...] | str | Grid | None
#: What `F.interpolate` calls linear interpolation in so many dimensions.
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True)
class Source:
    """A further layer whose output is read: as an input of the block, or to be fused."""

    name: str  # the variable that has its output
    path: str  # below the root of the target's class, as the check names it
    adapter: Adapter = None  # as the block takes it
    project: bool = False  # fused: brought to the layer's channels by a convolution
    resize: str | None = None  # fused: the mode of the interpolation; None: the size is the same

    @property
    def label(self) -> str:
        """What the attributes that belong to it are named by."""
        return self.path.replace(".", "_")


@dataclass(frozen=True)
class Method:
    """How the output of a block (or of other layers) is joined with that of the layer."""

    attribute: str  # of the block, or of the reduction where there is no block
    placement: Placement = AFTER
    layout: str = "NCHW"  # of what the layer gives
    memory: str = "contiguous"  # or channels_last: how that lies in memory
    fuse: Fusion | None = None  # None: serial
    reduce: str = "conv"  # conv, linear; of a fusion that reduces
    norm: bool = False  # the reduction normalises
    activation: bool = False
    gate: bool = False
    project: bool = False
    stride: int | tuple[int, ...] = 1  # of that projection
    adapter: Adapter = None  # how the block takes its input
    sources: tuple[Source, ...] = ()
    features: bool = False  # the sources are fused, and there is no block
    pyramid: Source | None = None  # the layer itself; all features are bound to the block's outputs
    position: int = 0  # of the layer among the sources

    @property
    def serial(self) -> bool:
        """Whether the block's output alone goes on: what a slot's identity leaves as it is."""
        plain = self.fuse is None and not self.gate and not self.sources
        return plain and not self.pyramid and self.adapter is None and not self.features

    @property
    def uses_torch(self) -> bool:
        """Whether the texts call functions of torch itself."""
        fuses = self.fuse is not None and self.fuse.uses_torch
        return fuses or (isinstance(self.adapter, Grid) and self.adapter.prefix > 0)

    @property
    def reduces(self) -> bool:
        """Whether what is joined has more channels than the layer, and a reduction."""
        return self.fuse is not None and self.fuse.reduces

    @property
    def axis(self) -> int:
        """Of the channels."""
        return -1 if self.layout.endswith("C") and self.layout != "NC" else 1

    @property
    def dims(self) -> int:
        return max(1, len(self.layout) - 2)

    @property
    def step(self) -> int:
        """At which positions the projection reads, where it is a Linear and has no stride."""
        return self.stride if self.axis == -1 and isinstance(self.stride, int) else 1

    @property
    def linear(self) -> bool:
        """Whether the reduction is a Linear: where channels are last a convolution is one."""
        return self.reduce == "linear" or self.axis == -1 or self.layout == "NC"

    @property
    def identity_start(self) -> bool:
        """A gated concatenation has no gate of its own: its reduction starts as identity."""
        return self.gate and self.reduces

    def named(self, role: str) -> str:
        """The attribute of a part."""
        if self.features and role == "reduce":
            return self.attribute
        return f"{self.attribute}_{role}"

    def projection(self, source: Source) -> str:
        return f"{self.attribute}_{source.label}"

    @property
    def parts(self) -> dict[str, str]:
        """What there is beside the block, by role, with its attribute."""
        found = {}
        if self.project:
            found["project"] = self.named("project")
        if self.reduces:
            found["reduce"] = self.named("reduce")
        if self.gate and not self.identity_start:
            found["gate"] = self.named("gate")
        return found

    @property
    def attributes(self) -> list[str]:
        """All attributes that the method adds."""
        block = [] if self.features else [self.attribute]
        projections = [self.projection(source) for source in self.projected]
        return [*block, *self.parts.values(), *projections]

    @property
    def projected(self) -> list[Source]:
        """The layers that have a projection of their own."""
        every = [*self.sources, *([self.pyramid] if self.pyramid else [])]
        return [source for source in every if source.project]


#: The block's output takes the place of the layer's.
SERIAL = Method("")

# What is computed ------------------------------------------------------------------------------


def pyramid_lines(method: Method) -> tuple[str, ...]:
    """The statements that bind the features' variables to the block's outputs."""
    assert method.pyramid is not None
    every = [*method.sources, method.pyramid]
    names = [source.name for source in every]
    block = f"{HERE}.{method.attribute}"
    suffix = method.attribute.removeprefix(f"{method.pyramid.label}_")
    outputs = [f"{source.label}_{suffix}" for source in every] if method.gate else names
    lines = [snippet("pyramid", "forward", names=outputs, block=block, inputs=names)]
    for source, name, output in zip(every, names, outputs):
        projection = f"{HERE}.{method.projection(source)}"
        if not method.gate:
            lines.append(snippet("pyramid", "back", name=name, projection=projection, output=name))
            continue
        result = snippet("serial", "forward", block=projection, inputs=[output])
        gate = f"{HERE}.{method.named('gate')}"
        lines.append(f"{name} = {snippet('gate', 'forward', value=name, gate=gate, result=result)}")
    return tuple(lines)


def texts(method: Method, torch: str, functional: str) -> tuple[str, str]:
    """`(join, branch)` of an insertion (see `calls`), with the file's names for torch's modules."""
    branch = ""
    if method.features:
        others = [feature_text(method, source, functional) for source in method.sources]
    else:
        branch = branch_text(method, torch)
        others = [branch]
        if method.placement.is_branch:
            others = [BRANCH]
        else:
            branch = ""
    return gated(method, fused(method, others, torch), others), branch


def branch_text(method: Method, torch: str) -> str:
    value = FED if method.placement.is_branch else VALUE
    further = [adapted(source.name, source.adapter) for source in method.sources]
    inputs = [adapted(value, method.adapter), *further]
    text = snippet("serial", "forward", block=f"{HERE}.{method.attribute}", inputs=inputs)
    if isinstance(method.adapter, Grid):
        prefix = method.adapter.prefix
        text = snippet("adapter", "sequence", value=text, like=value, prefix=prefix, torch=torch)
    elif method.adapter == TOKENS:
        text = snippet("adapter", "maps", value=text, like=value)
    elif method.adapter == POSITIONS:
        text = snippet("adapter", "maps_last", value=text, like=value)
    else:
        text = adapted(text, inverse(method.adapter))
    if method.project:
        if method.step > 1:
            text = snippet("project", "strided", value=text, dims=method.dims, step=method.step)
        text = snippet(
            "serial", "forward", block=f"{HERE}.{method.named('project')}", inputs=[text]
        )
    return text


def adapted(text: str, adapter: Adapter) -> str:
    if adapter is None:
        return text
    if adapter == TOKENS:
        return snippet("adapter", "tokens", value=text)
    if adapter == POSITIONS:
        return snippet("adapter", "tokens_last", value=text)
    if isinstance(adapter, Grid):
        return snippet("adapter", "grid", value=text, sizes=adapter.texts, prefix=adapter.prefix)
    return snippet("adapter", "permute", value=text, order=adapter)


def inverse(order: Adapter) -> Adapter:
    if order is None or isinstance(order, (str, Grid)):
        return order
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def feature_text(method: Method, source: Source, functional: str) -> str:
    """Another layer's output at the channels and the size of the layer's."""
    text = source.name
    if source.project:
        block = f"{HERE}.{method.projection(source)}"
        text = snippet("serial", "forward", block=block, inputs=[text])
    if source.resize is None:
        return text
    return snippet(
        "resize",
        "forward" if method.axis == 1 else "channels_last",
        functional=functional,
        value=text,
        like=VALUE,
        mode=source.resize,
        corners="linear" in source.resize,
    )


def fused(method: Method, others: list[str], torch: str) -> str:
    if method.fuse is None:
        [text] = others
        return text
    values = list(others)
    values.insert(method.position if method.features else 0, VALUE)
    setting = Setting(
        torch=torch,
        axis=method.axis,
        reduction=f"{HERE}.{method.named('reduce')}",
        linear=method.linear,
        memory=method.memory,
    )
    return method.fuse.expression(values, setting)


def gated(method: Method, text: str, others: list[str]) -> str:
    if "gate" not in method.parts:
        return text
    gate = f"{HERE}.{method.named('gate')}"
    if method.fuse is not None and method.fuse.additive:
        branch = " + ".join(others)
        branch = f"({branch})" if len(others) > 1 else branch
        return snippet("gate", "added", value=VALUE, gate=gate, branch=branch)
    return snippet("gate", "forward", value=VALUE, gate=gate, result=text)


# What is defined -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Widths:
    """Channel counts as expressions, where the definitions stand."""

    value: str  # what the layer gives
    branch: str = ""  # what the block gives
    sources: Mapping[str, str] = field(default_factory=dict)  # by the variable's name
    stride: str = "1"  # of the branch's projection


def definitions(method: Method, widths: Widths, owner: str, nn: str, torch: str) -> list[str]:
    """The statements that define the parts beside the block, in the order of their use."""
    lines = []

    def define(attribute: str, construction: str) -> None:
        lines.append(
            snippet("serial", "init", owner=owner, attribute=attribute, construction=construction)
        )

    common = {"nn": nn, "dims": method.dims}
    kind = "linear" if method.axis == -1 or method.layout == "NC" else "conv"
    if method.project:
        define(
            method.named("project"),
            snippet(
                "project",
                kind,
                channels=widths.branch,
                out=widths.value,
                stride=widths.stride,
                **common,
            ),
        )
    for source in method.projected:
        if method.pyramid:
            own = widths.value if source is method.pyramid else widths.sources[source.name]
            project = {"channels": widths.branch, "out": own, "stride": "1"}
            define(method.projection(source), snippet("project", kind, **project, **common))
        else:
            channels = widths.sources[source.name]
            project = {"channels": channels, "out": widths.value, "stride": "1"}
            define(method.projection(source), snippet("project", kind, **project, **common))
    if method.reduces:
        lines += reduction(method, widths, owner, nn)
    if "gate" in method.parts:
        define(method.named("gate"), snippet("gate", "init", nn=nn, torch=torch))
    return lines


def reduction(method: Method, widths: Widths, owner: str, nn: str) -> list[str]:
    """The convolution or linear map from the concatenation to the layer's channels."""
    if method.features:
        counts = [
            widths.value if source.project else widths.sources[source.name]
            for source in method.sources
        ]
    else:
        counts = [widths.value if method.project else widths.branch]
    counts.insert(method.position, widths.value)
    kind = "linear" if method.linear else "conv"
    plain = method.norm or method.identity_start
    layer = snippet(
        "reduce",
        f"{kind}_plain" if plain else kind,
        nn=nn,
        dims=method.dims,
        channels=total(counts),
        out=widths.value,
    )
    attribute = method.named("reduce")
    rest = []
    if method.norm:
        norm = "LayerNorm" if method.linear else f"BatchNorm{method.dims}d"
        rest.append(f"{nn}.{norm}({widths.value})")
    if method.activation:
        rest.append(f"{nn}.ReLU()")
    if rest:
        layer = f"{nn}.Sequential({', '.join([layer, *rest])})"
    lines = [
        snippet("serial", "init", owner=owner, attribute=attribute, construction=layer),
    ]
    if method.identity_start:
        lines.append(
            snippet("reduce", f"{kind}_identity", nn=nn, weight=f"{owner}.{attribute}.weight")
        )
    return lines


def total(counts: list[str]) -> str:
    """The sum of channel counts: `2 * 64`, `64 + width`."""
    if len(set(counts)) == 1:
        only = counts[0]
        if only.isdigit():
            return str(len(counts) * int(only))
        factor, star, rest = only.partition(" * ")
        if star and factor.isdigit() and not set(rest) & set("+-/%"):
            return f"{len(counts) * int(factor)} * {rest}"
        compound = not only.replace(".", "").replace("_", "").isalnum()
        return f"{len(counts)} * ({only})" if compound else f"{len(counts)} * {only}"
    if all(count.isdigit() for count in counts):
        return str(sum(map(int, counts)))
    return " + ".join(counts)


# What the check holds it against -----------------------------------------------------------------


def plain(adapter: Adapter) -> Any:
    if isinstance(adapter, Grid):
        return {"sizes": list(adapter.sizes), "prefix": adapter.prefix}
    return list(adapter) if isinstance(adapter, tuple) else adapter


def check(method: Method, here: str, root: str) -> dict[str, Any] | None:
    """The splice's `method` for the observer: `here` is the path of the module that has the parts,
    `root` that of the instance of the target's class. None for a serial splice."""
    if method.serial:
        return None

    def path(start: str, name: str) -> str:
        return f"{start}.{name}" if start else name

    parts: dict[str, Any] = {role: path(here, name) for role, name in method.parts.items()}
    projections = {
        path(root, source.path): path(here, method.projection(source))
        for source in method.projected
    }
    if projections:
        parts["projections"] = list(projections.values())
    return {
        "fuse": method.fuse.name if method.fuse else None,
        "axis": method.axis,
        "linear": method.linear,
        "memory": method.memory,
        "step": method.step,
        "position": method.position,
        "features": method.features,
        "pyramid": None if method.pyramid is None else path(root, method.pyramid.path),
        "gated": method.gate,
        "adapter": plain(method.adapter),
        "adapters": {path(root, source.path): plain(source.adapter) for source in method.sources},
        "parts": parts,
        "sources": [path(root, source.path) for source in method.sources],
        "projections": projections,
        "resize": {path(root, source.path): source.resize for source in method.sources},
    }
