"""What `stitchgen add` is asked for, as plain data.

Owns: the meaning of the options together (defaults, and which of them contradict each other).
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Literal

from stitchgen.errors import UsageError

Resizing = Literal["nearest", "bilinear", "area"]
Placement = Literal["after", "before", "beside", "replace"]
Fusion = Literal["add", "mul", "concat"]
Reduction = Literal["conv", "linear"]


@dataclass(frozen=True)
class AddRequest:
    """One `add`: the block, where it goes, how it is joined, and how the model is run.

    Texts are as the user typed them; what they mean is decided where they are used.
    """

    block: str
    placement: Placement
    targets: tuple[str, ...]
    with_: tuple[str, ...] = ()  # --with: the further inputs of a block that takes several
    into: str | None = None  # --into: the one reader that is to see the block
    every: str | None = None  # --every CLASS: all layers of it under the targets
    where: Mapping[str, str] = field(default_factory=dict)  # --where K=V
    fuse: Fusion | None = None  # None: serial
    reduce: Reduction | None = None  # only with fuse="concat"
    gate: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)  # --set name=value
    reduce_settings: Mapping[str, str] = field(default_factory=dict)  # --set reduce.name=value
    name: str | None = None  # --name: the attribute
    channels: str | None = None  # --channels EXPR
    attach: bool = False
    builds: tuple[str, ...] = ()  # --build EXPR
    inputs: tuple[str, ...] = ()  # --input SHAPE
    python: str | None = None  # --python: the interpreter that runs the model
    prove: bool = True  # False: --no-prove

    def __post_init__(self) -> None:
        if not self.targets:
            raise UsageError(
                "usage",
                f"add {self.block}: no target is given",
                hint=f"stitchgen add {self.block} --after model.layer2",
            )
        if self.placement == "beside" and self.fuse is None:
            object.__setattr__(self, "fuse", "concat")
        if self.placement in ("before", "replace") and self.fuse is not None:
            raise UsageError(
                "usage",
                f"--fuse does not go with --{self.placement}",
                hint="fuse the block's output with the layer's: --after or --beside",
            )
        if self.fuse == "concat" and self.reduce is None:
            object.__setattr__(self, "reduce", "conv")
        if self.reduce is not None and self.fuse != "concat":
            raise UsageError(
                "usage",
                "--reduce is only for --fuse concat, whose result has more channels",
                hint="leave --reduce out, or give --fuse concat",
            )
        if self.placement == "replace" and (self.gate or self.with_):
            raise UsageError(
                "usage",
                f"{'--gate' if self.gate else '--with'} does not go with --replace, which leaves no "
                "output of the layer to join",
                hint=f"put the block after the layer: --after {self.targets[0]}",
            )
        if self.into is not None and self.placement != "after":
            raise UsageError(
                "usage",
                f"--into does not go with --{self.placement}: it names who reads the layer's output",
                hint=f"--after {self.targets[0]} --into {self.into}",
            )
        if self.where and self.every is None:
            raise UsageError(
                "usage",
                "--where narrows --every, which is not given",
                hint="--every nn.Conv2d --where kernel_size=3",
            )
        if self.name is not None and not (self.name.isidentifier() and not iskeyword(self.name)):
            raise UsageError(
                "bad-argument",
                f"--name {self.name!r} is no attribute name",
                hint="letters, digits and underscores, as in --name attention",
            )
        if self.channels is not None and not _is_expression(self.channels):
            raise UsageError(
                "bad-argument",
                f"--channels {self.channels!r} is no Python expression",
                hint="a number, or what stands in the constructor: --channels '2 * width'",
            )

    @property
    def command(self) -> str:
        return "add"

    def command_line(self) -> str:
        """The command as it would be typed, for the ledger; what runs the model is left out."""
        words = ["add", self.block, f"--{self.placement}", *self.targets]
        for option, values in (("--with", self.with_), ("--build", self.builds)):
            for value in values:
                words += [option, value]
        for option, text in (
            ("--into", self.into),
            ("--every", self.every),
            ("--fuse", self.fuse),
            ("--reduce", self.reduce),
            ("--name", self.name),
            ("--channels", self.channels),
        ):
            if text is not None:
                words += [option, text]
        reduce = {f"reduce.{name}": value for name, value in self.reduce_settings.items()}
        settings = {**self.settings, **reduce}
        for option, pairs in (("--where", self.where), ("--set", settings)):
            for name, value in pairs.items():
                words += [option, f"{name}={value}"]
        words += [option for option, on in (("--gate", self.gate), ("--attach", self.attach)) if on]
        return shlex.join(words)


@dataclass(frozen=True)
class FuseRequest(AddRequest):
    """One `fuse`: the outputs of the targets become one, in the place of the last one's.

    `block` is empty, or the block that rebinds all of them: fpn, pan.
    """

    resize: Resizing = "bilinear"
    at: str | None = None  # --at: the target whose size and place it is, else the last

    def __post_init__(self) -> None:
        if len(self.targets) < 2:
            raise UsageError(
                "usage",
                "fuse needs two targets or more",
                hint="stitchgen fuse model.layer2 model.layer3",
            )
        if self.at is not None and self.at not in self.targets:
            raise UsageError(
                "usage",
                f"--at {self.at} is none of the targets",
                hint="fuse at one of " + ", ".join(self.targets),
                suggestions=[f"--at {target}" for target in self.targets],
            )
        if self.block and (self.fuse or self.reduce):
            raise UsageError(
                "usage",
                f"--fuse and --reduce do not go with --block {self.block}, which joins the features",
                hint=f"leave them out: fuse {' '.join(self.targets)} --block {self.block}",
            )
        if self.block and self.at is not None:
            raise UsageError(
                "usage",
                f"--at does not go with --block {self.block}, whose outputs go to all the targets",
                hint="leave --at out",
            )
        if self.fuse is None and not self.block:
            object.__setattr__(self, "fuse", "concat")
        super().__post_init__()

    @property
    def command(self) -> str:
        return "fuse"

    @property
    def place(self) -> str:
        """The target at which they are fused."""
        return self.at or self.targets[-1]

    def command_line(self) -> str:
        """The command as it would be typed, for the ledger; what runs the model is left out."""
        words = ["fuse", *self.targets]
        for option, text in (
            ("--fuse", self.fuse),
            ("--reduce", self.reduce),
            ("--resize", self.resize if self.resize != "bilinear" else None),
            ("--at", self.at),
            ("--block", self.block or None),
            ("--name", self.name),
        ):
            if text is not None:
                words += [option, text]
        for build in self.builds:
            words += ["--build", build]
        settings = {f"reduce.{name}": value for name, value in self.reduce_settings.items()}
        for name, value in {**self.settings, **settings}.items():
            words += ["--set", f"{name}={value}"]
        words += ["--gate"] if self.gate else []
        return shlex.join(words)


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True
