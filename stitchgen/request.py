"""What `stitchgen add` is asked for, as plain data.

Owns: the meaning of the options together (defaults, and which of them contradict each other).
Floor 1: may import errors.
"""

from __future__ import annotations

import shlex
import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Literal

from stitchgen.errors import UsageError

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


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True
