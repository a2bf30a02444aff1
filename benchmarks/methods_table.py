"""What `methods.py` asks for: the models, their layers, and every combination of the methods.

Data and plain functions; standard library only. The layers are chosen by hand: T, whose output
(x: whose input) is joined, S, that runs before it, R, one of T's readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from zoo_corpus import Entry


@dataclass(frozen=True)
class Model:
    """A model and its layers."""

    name: str
    entry: Entry
    root: str  # the class whose layers they are
    target: str  # T of --after, read by `reader`
    further: str  # S of --with
    reader: str  # R of --into
    beside: str  # T of --beside
    fuse: tuple[str, ...]  # of two scales
    more: tuple[str, ...]  # of three scales
    context: str  # S of --with --into: runs before R
    same: tuple[str, str]  # T and S of one width and size
    tokens: tuple[str, str]  # T and S of few positions, for attention
    block: str = "se"
    strided: str = ""  # T of --beside that halves the size
    layout: str = "NCHW"
    pyramid: tuple[str, ...] = ()
    senseless: dict[str, str] = field(default_factory=dict)  # by group

    @property
    def build(self) -> str:
        return self.entry.builds[0]


def _tv(name: str, module: str, build: str, size: str = "1x3x64x64") -> Entry:
    return Entry(name, f"torchvision.models.{module}", (build,), input=size)


UNREAD = {"pyramid": "nothing reads a finer feature after the coarser one"}
VECTOR = {"film": "no layer gives a vector (a condition) before the features"}

MODELS = (
    Model(
        "resnet50",
        _tv("resnet50", "resnet", "resnet50()"),
        "ResNet",
        target="layer2",
        further="layer1",
        reader="layer3",
        beside="layer2.1",
        strided="layer2",
        fuse=("layer2", "layer3"),
        more=("layer1", "layer2", "layer3"),
        context="layer1",
        same=("layer2.2", "layer2.1"),
        tokens=("layer3", "layer2"),
        senseless={**UNREAD, **VECTOR},
    ),
    Model(
        "mobilenet_v3",
        _tv("mobilenet_v3", "mobilenetv3", "mobilenet_v3_large()"),
        "MobileNetV3",
        target="features.6",
        further="features.3",
        reader="features.7",
        beside="features.5",
        strided="features.4",
        fuse=("features.3", "features.6"),
        more=("features.1", "features.3", "features.6"),
        context="features.3",
        same=("features.6", "features.5"),
        tokens=("features.12", "features.6"),
        senseless={**UNREAD, **VECTOR},
    ),
    Model(
        "densenet121",
        _tv("densenet121", "densenet", "densenet121()"),
        "DenseNet",
        target="features.transition1",
        further="features.denseblock1",
        reader="features.denseblock2",
        beside="features.denseblock1",
        strided="features.transition1",
        fuse=("features.transition1", "features.transition2"),
        more=("features.denseblock1", "features.denseblock2", "features.denseblock3"),
        context="features.denseblock1",
        same=(
            "features.denseblock1.denselayer2.relu2",
            "features.denseblock1.denselayer2.norm2",
        ),
        tokens=("features.transition3", "features.transition2"),
        block="cbam",
        senseless={**UNREAD, **VECTOR},
    ),
    Model(
        "convnext_tiny",
        _tv("convnext_tiny", "convnext", "convnext_tiny()"),
        "ConvNeXt",
        # Not the stage: the norm behind it takes out whatever scales a whole position.
        target="features.3.1",
        further="features.1",
        reader="features.3.2",
        beside="features.3",
        strided="features.2",
        fuse=("features.1", "features.3"),
        more=("features.1", "features.3", "features.5"),
        context="features.1",
        same=("features.3", "features.2"),
        tokens=("features.5", "features.3"),
        block="cbam",
        senseless={**UNREAD, **VECTOR},
    ),
    Model(
        "swin_t",
        _tv("swin_t", "swin_transformer", "swin_t()"),
        "SwinTransformer",
        target="features.3",
        further="features.1",
        reader="features.4",
        beside="features.3",
        strided="features.2",
        fuse=("features.1", "features.3"),
        more=("features.1", "features.3", "features.5"),
        context="features.1",
        same=("features.3", "features.2"),
        tokens=("features.5", "features.3"),
        layout="NHWC",
        senseless={**UNREAD, **VECTOR},
    ),
    Model(
        "unet",
        Entry("unet", "specimens.unet", ("UNet()",), input="1x3x64x64"),
        "UNet",
        target="down2",
        further="down1",
        reader="up2",
        beside="down2.conv",
        strided="down2",
        fuse=("down1", "down2"),
        more=("inc", "down1", "down2"),
        context="up1",
        same=("up3", "down1"),
        tokens=("down4", "down3"),
        block="cbam",
        pyramid=("down1", "down2", "down3"),
        senseless=VECTOR,
    ),
    Model(
        "r3d_18",
        _tv("r3d_18", "video.resnet", "r3d_18()", "1x3x8x32x32"),
        "VideoResNet",
        target="layer2",
        further="layer1",
        reader="layer3",
        beside="layer2.1",
        strided="layer2",
        fuse=("layer2", "layer3"),
        more=("layer1", "layer2", "layer3"),
        context="layer1",
        same=("layer2.1", "layer2.0"),
        tokens=("layer3", "layer2"),
        layout="NCDHW",
        senseless={**UNREAD, **VECTOR},
    ),
)

#: How two tensors become one: `--fuse`, `--reduce`.
FUSIONS = (("add", None), ("mul", None), ("concat", "conv"), ("concat", "linear"))
SERIAL = (None, None)


@dataclass(frozen=True)
class Combination:
    """One command of one model; `group` is what a model may have no use for."""

    group: str
    variant: str
    arguments: tuple[str, ...]  # but --build, --input
    join: dict[str, Any]  # for the judge

    @property
    def gate(self) -> bool:
        return self.join["gate"]

    @property
    def name(self) -> str:
        """A row of the table."""
        return " ".join(filter(None, (self.group, self.variant, "gate" if self.gate else "")))


def combinations(model: Model) -> Iterator[Combination]:
    """Every combination for a model, with what the judge has to know of it."""

    def place(path: str) -> str:
        return f"model.py::{model.root}.{path}"

    def add(
        group, block, placement, target, *, fusion=SERIAL, others=(), into=None, gate=False,
        takes="maps", more=(), label="",
    ):  # fmt: skip
        fuse, reduce = fusion
        arguments = ["add", block, f"--{placement}", place(target)]
        for other in others:
            arguments += ["--with", place(other)]
        if into:
            arguments += ["--into", place(into)]
        arguments += options(fuse, reduce, gate) + list(more)
        join = {"target": target, "placement": placement, "others": list(others), "into": into}
        join |= {"takes": takes}
        return made(group, fuse, reduce, gate, arguments, join, label)

    def fused(group, targets, *, at=None, fusion=SERIAL, gate=False, resize=None, label=""):
        fuse, reduce = fusion
        arguments = ["fuse", *map(place, targets)] + options(fuse, reduce, gate)
        arguments += ["--at", place(at)] if at else []
        arguments += ["--resize", resize] if resize else []
        target = at or targets[-1]
        join = {"target": target, "features": list(targets), "resize": resize or "bilinear"}
        join |= {"others": [one for one in targets if one != target]}
        return made(group, fuse, reduce, gate, arguments, join, label)

    def options(fuse, reduce, gate):
        found = ["--fuse", fuse] if fuse else []
        found += ["--reduce", reduce] if reduce else []
        return found + (["--gate"] if gate else [])

    def made(group, fuse, reduce, gate, arguments, join, label=""):
        variant = " ".join(filter(None, (label, fuse, reduce)))
        join = {"placement": "after", **join}
        join |= {"fuse": fuse, "reduce": reduce, "gate": gate, "layout": model.layout}
        return Combination(group, variant or "serial", tuple(arguments), join)

    gating = "attention-gate"
    for gate in (False, True):
        for fusion in (SERIAL, *FUSIONS):
            yield add("after", model.block, "after", model.target, fusion=fusion, gate=gate)
            yield add(
                "with", gating, "after", model.target, fusion=fusion, gate=gate,
                others=[model.further],
            )  # fmt: skip
            yield add(
                "into", model.block, "after", model.target, fusion=fusion, gate=gate,
                into=model.reader,
            )  # fmt: skip
            yield add(
                "into with", gating, "after", model.target, fusion=fusion, gate=gate,
                others=[model.context], into=model.reader,
            )  # fmt: skip
        for fusion in FUSIONS:
            yield add("beside", model.block, "beside", model.beside, fusion=fusion, gate=gate)
            yield fused("fuse", model.fuse, fusion=fusion, gate=gate)
            yield fused("fuse", model.more, fusion=fusion, gate=gate, label="three")
            yield add(
                "beside", model.block, "beside", model.strided, fusion=fusion, gate=gate,
                label="strided",
            )  # fmt: skip
        for mode in ("nearest", "area"):
            yield fused("fuse", model.fuse, fusion=FUSIONS[2], gate=gate, resize=mode, label=mode)
        target, other = model.same
        yield add("with", "aff", "after", target, others=[other], gate=gate, label="aff")
        target, other = model.tokens
        yield add(
            "with", "cross-attention", "after", target, others=[other], gate=gate,
            fusion=FUSIONS[0], takes="tokens", label="cross-attention",
        )  # fmt: skip
        yield add(
            "after", "mhsa", "after", target, gate=gate, fusion=FUSIONS[0], takes="tokens",
            label="mhsa",
        )  # fmt: skip
        yield add(
            "beside", "ghost", "beside", model.strided, fusion=FUSIONS[0], gate=gate, label="ghost"
        )
        if model.pyramid:
            for block in ("fpn", "pan"):
                targets = model.pyramid
                arguments = ["fuse", *map(place, targets), "--block", block]
                arguments += ["--set", "out_channels=32", *options(None, None, gate)]
                join = {"target": targets[-1], "pyramid": list(targets)}
                join |= {"others": list(targets[:-1])}
                yield made("pyramid", None, None, gate, arguments, join, label=block)
    yield add(
        "after", model.block, "after", model.target, fusion=FUSIONS[2],
        more=["--set", "reduce.norm=true", "--set", "reduce.activation=true"], label="norm",
    )  # fmt: skip
