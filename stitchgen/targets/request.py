"""What `add` and `fuse` are asked for, as plain data.

Owns: the meaning of the options together (defaults, and which of them contradict each other).
"""

from __future__ import annotations

import ast
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from keyword import iskeyword
from typing import Literal

from stitchgen.errors import UsageError
from stitchgen.fusions.fusion import Fusion
from stitchgen.fusions.registry import FUSIONS
from stitchgen.targets.placement import AFTER, Placement

Resizing = Literal["nearest", "bilinear", "area"]
Reduction = Literal["conv", "linear"]


@dataclass(frozen=True)
class SpliceRequest:
    """One run that puts modules into a model: where they go, how they are joined, how the model is run.

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
    reduce: Reduction | None = None  # only with a fusion that reduces
    gate: bool = False
    inside: bool = False  # --inside: as an element of the Sequential
    settings: Mapping[str, str] = field(default_factory=dict)  # --set name=value
    reduce_settings: Mapping[str, str] = field(default_factory=dict)  # --set reduce.name=value
    name: str | None = None  # --name: the attribute
    channels: str | None = None  # --channels EXPR
    attach: bool = False
    weights: str | None = None  # --weights: a checkpoint that is to fit the edited YAML
    builds: tuple[str, ...] = ()  # --build EXPR
    inputs: tuple[str, ...] = ()  # --input SHAPE
    inputs_train: tuple[str, ...] = ()  # --input-train SHAPE
    python: str | None = None  # --python: the interpreter that runs the model
    prove: bool = True  # False: --no-prove

    @property
    def joined(self) -> bool:
        """Whether the block's output is joined with the layer's, and does not take its place."""
        return self.fuse is not None

    @property
    def command(self) -> str:
        """The name of the command that asks for it."""
        raise NotImplementedError

    def command_line(self) -> str:
        """The command as it would be typed, for the ledger; what runs the model is left out."""
        raise NotImplementedError

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks, in the order in which a feature passes through them: `cbam,se` are two."""
        return tuple(part.strip() for part in self.block.split(","))

    def in_turn(self) -> Sequence[SpliceRequest]:
        """A request for each block, in the order in which they are to be put in."""
        return [self]

    def check_names(self) -> None:
        """Refuse an attribute's name and an expression that are none."""
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

    def check_reduction(self) -> None:
        """A fusion that reduces does so by a convolution, if nothing is said; no other reduces."""
        reduces = self.fuse is not None and self.fuse.reduces
        if reduces and self.reduce is None:
            object.__setattr__(self, "reduce", "conv")
        if self.reduce is not None and not reduces:
            raise UsageError(
                "usage",
                "--reduce is only for --fuse concat, whose result has more channels",
                hint="leave --reduce out, or give --fuse concat",
            )


@dataclass(frozen=True)
class AddRequest(SpliceRequest):
    """One `add`: a block at each of the targets."""

    def __post_init__(self) -> None:
        if not self.targets:
            raise UsageError(
                "usage",
                f"add {self.block}: no target is given",
                hint=f"stitchgen add {self.block} --after model.layer2",
            )
        if self.placement.always_fuses and self.fuse is None:
            object.__setattr__(self, "fuse", FUSIONS["concat"])
        if self.fuse is not None and not self.placement.fuses:
            raise UsageError(
                "usage",
                f"--fuse does not go with --{self.placement}",
                hint="fuse the block's output with the layer's: --after or --beside",
            )
        self.check_reduction()
        if self.placement.replaces and (self.gate or self.with_):
            raise UsageError(
                "usage",
                f"{'--gate' if self.gate else '--with'} does not go with --replace, which leaves no "
                "output of the layer to join",
                hint=f"put the block after the layer: --after {self.targets[0]}",
            )
        if self.into is not None and not self.placement.names_reader:
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
        self.check_names()
        if self.inside:
            self.check_inside()
        if len(self.blocks) > 1:
            self.check_several()

    def check_inside(self) -> None:
        """Refuse what an element of a Sequential cannot do: it is fed one value, and gives one."""
        given = {
            f"--{self.placement}": not self.placement.in_series,
            "--fuse": self.fuse is not None,
            "--gate": self.gate,
            "--with": bool(self.with_),
            "--into": self.into is not None,
            "--every": self.every is not None,
            "--attach": self.attach,
            "--name": self.name is not None,
            "more than one block": len(self.blocks) > 1,
        }
        unfit = [option for option, there in given.items() if there]
        if unfit:
            raise UsageError(
                "usage",
                f"{unfit[0]} does not go with --inside, which makes the block an element of a Sequential",
                hint=f"stitchgen add {self.blocks[0]} --after {self.targets[0]} --inside",
            )

    def check_several(self) -> None:
        """Refuse what has no meaning for several blocks in a row."""
        first, *_ = self.blocks
        once = f"run the command once for each: stitchgen add {first} --{self.placement} {self.targets[0]}"
        if not all(self.blocks):
            raise UsageError(
                "usage", f"{self.block!r} lacks a block", hint=f"stitchgen add {first} ..."
            )
        if len(set(self.blocks)) < len(self.blocks):
            raise UsageError(
                "usage", f"{self.block} names a block twice", hint=f"{once} --name ..."
            )
        if not self.placement.in_series:
            message = (
                f"several blocks in a row go --after or --before a layer, not --{self.placement}"
            )
            raise UsageError("usage", message, hint=once)
        for option, given in (("--name", self.name), ("--with", self.with_)):
            if given:
                raise UsageError(
                    "usage", f"{option} is for one block, {self.block} are more", hint=once
                )
        of_any = {one.rpartition("/")[2].rpartition("::")[2] for one in self.blocks}
        for name, value in self.settings.items():
            if name.partition(".")[0] not in of_any or "." not in name:
                raise UsageError(
                    "usage",
                    f"--set {name}={value} does not say of which block",
                    hint=f"--set {min(of_any)}.{name.rpartition('.')[2]}={value}",
                )

    def in_turn(self) -> Sequence[AddRequest]:
        """A request for each block. What is put after a layer comes before what is there already, so that
        the last block goes in first."""
        if len(self.blocks) == 1:
            return [self]
        found = []
        for block in self.blocks:
            own = f"{block.rpartition('/')[2].rpartition('::')[2]}."
            settings = {
                name.removeprefix(own): value
                for name, value in self.settings.items()
                if name.startswith(own)
            }
            found.append(replace(self, block=block, settings=settings))
        return found[::-1] if self.placement.value == "output" else found

    @property
    def command(self) -> str:
        return "add"

    @property
    def flags(self) -> tuple[tuple[str, bool], ...]:
        return (("--gate", self.gate), ("--attach", self.attach), ("--inside", self.inside))

    def command_line(self) -> str:
        """The command as it would be typed, for the ledger; what runs the model is left out."""
        words = ["add", self.block, f"--{self.placement}", *self.targets]
        for option, values in (("--with", self.with_), ("--build", self.builds)):
            for value in values:
                words += [option, value]
        for option, text in (
            ("--into", self.into),
            ("--every", self.every),
            ("--fuse", self.fuse.name if self.fuse else None),
            ("--reduce", self.reduce),
            ("--name", self.name),
            ("--channels", self.channels),
            ("--weights", self.weights),
        ):
            if text is not None:
                words += [option, text]
        reduce = {f"reduce.{name}": value for name, value in self.reduce_settings.items()}
        settings = {**self.settings, **reduce}
        for option, pairs in (("--where", self.where), ("--set", settings)):
            for name, value in pairs.items():
                words += [option, f"{name}={value}"]
        words += [option for option, on in self.flags if on]
        return shlex.join(words)


@dataclass(frozen=True)
class FuseRequest(SpliceRequest):
    """One `fuse`: the outputs of the targets become one, in the place of the last one's.

    `block` is empty, or the block that rebinds all of them: fpn, pan.
    """

    placement: Placement = AFTER
    targets: tuple[str, ...] = ()
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
            object.__setattr__(self, "fuse", FUSIONS["concat"])
        self.check_reduction()
        self.check_names()

    @property
    def command(self) -> str:
        return "fuse"

    @property
    def fused_at(self) -> str:
        """The target at which they are fused."""
        return self.at or self.targets[-1]

    def command_line(self) -> str:
        """The command as it would be typed, for the ledger; what runs the model is left out."""
        words = ["fuse", *self.targets]
        for option, text in (
            ("--fuse", self.fuse.name if self.fuse else None),
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
