"""A block of a catalog as data: what its head says, and what splicing needs to know of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stitchgen.catalog.formula import evaluate, per_axis
from stitchgen.errors import StitchError
from stitchgen.layouts import FEATURES

#: Which fact of the target fills a constructor argument of this name.
FACTS = {
    "channels": "channels",
    "in_channels": "in",
    "out_channels": "out",
    "context_channels": "context",
    "skip_channels": "context",
    "gate_channels": "context",
    "height": "height",
    "width": "width",
    "length": "length",
}


@dataclass(frozen=True)
class Parameter:
    """An argument of a block's constructor."""

    name: str
    type: str
    default: str | None  # Python source; None where it must be given
    meaning: str

    @property
    def fact(self) -> str | None:
        """The fact of the target that fills it: channels, in, out, context, height, ..."""
        return FACTS.get(self.name)

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "default": self.default,
            "meaning": self.meaning,
        }


@dataclass(frozen=True)
class Input:
    """A tensor that the block's forward takes."""

    name: str
    channels: str | None  # formula of the constructor's arguments; None: as many as arrive
    scale: str = "1"  # size relative to the first input's; "any" where free
    layout: str | None = None  # NC for a vector; None: the block's own


@dataclass(frozen=True)
class Replacement:
    """Layers for which a block can stand in.

    `arguments` gives each of the block's arguments as a formula of the layer's attributes,
    `requires` what a formula of its attributes must equal, by attribute; both hold per axis.
    """

    layers: tuple[str, ...]  # names in torch.nn
    arguments: Mapping[str, str]
    requires: Mapping[str, str]

    def values(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The block's arguments for a layer with these attributes; bad-argument if it has none."""
        for name, expected in self.requires.items():
            if per_axis(name, attributes) != (wanted := per_axis(expected, attributes)):
                raise StitchError(
                    "bad-argument",
                    f"the layer has {name}={attributes[name]}, "
                    f"the block can stand in only for {name}={expected}"
                    + (f" ({wanted})" if str(wanted) != expected else ""),
                    hint="put the block after the layer instead: --after",
                )
        return {name: per_axis(text, attributes) for name, text in self.arguments.items()}


@dataclass(frozen=True)
class Block:
    """A module of a catalog: everything that its template's head says."""

    name: str  # `cbam`; `lab/eca` from another catalog
    class_name: str  # of the usual dims; see `class_for`
    title: str
    title_zh: str
    family: str
    summary: str
    formula: str | None  # what it computes, on one line; `; ` between parts
    fits: str
    caution: str | None
    code: str | None
    oracle: str
    paper: Mapping[str, Any]  # title, authors, year; arxiv, doi or url where checked
    layouts: tuple[str, ...]  # of NCHW, NHWC (whatever the dims), NLC, any
    dims: tuple[int, ...]  # spatial dims that it renders for
    generic: bool  # one rendered source serves every number of dims
    channels: str  # same, in-out, or a formula of the arguments
    size: str  # same, or a formula of n (the length of an axis) and the arguments
    hidden: str | None  # formula of the width of a layer that a ReLU may leave dead
    parameters: tuple[Parameter, ...]
    inputs_: tuple[Input, ...]
    variadic: bool  # takes as many inputs as it is constructed for, `inputs` at least
    replaces: tuple[Replacement, ...]
    parameter_free: bool  # nothing to train, with its default arguments
    random: bool  # draws random numbers in train mode
    identity: bool  # is the identity when constructed
    data_dependent: bool  # inner shapes depend on values: no meta device, no single graph
    export: bool  # torch.export with dynamic batch and sizes
    onnx: bool  # torch.onnx.export, for fixed sizes
    needs: tuple[str, ...]  # packages beside torch
    example: Mapping[str, str]  # arguments of the example command, the cost and the tests
    cost: Mapping[str, int]  # parameters and flops at 256 channels and 14x14
    template: Path

    @property
    def inputs(self) -> int:
        """How many tensors forward takes (the least, where it is variadic)."""
        return len(self.inputs_)

    @property
    def usual_dims(self) -> int:
        """The dims that are rendered where none are asked for."""
        return 2 if 2 in self.dims else self.dims[0]

    @property
    def channel_parameters(self) -> tuple[str, ...]:
        """The arguments that take a channel count, in order; () where it needs none."""
        facts = ("channels", "in", "out", "context")
        return tuple(p.name for p in self.parameters if p.fact in facts)

    @property
    def required(self) -> tuple[str, ...]:
        """The arguments without a default, in order."""
        return tuple(p.name for p in self.parameters if p.default is None)

    @property
    def elementwise(self) -> bool:
        """Whether it takes a tensor of any shape, and does not need to know its channels."""
        return self.generic and "any" in self.layouts and not self.channel_parameters

    def class_for(self, dims: int) -> str:
        """`CBAM` for the usual dims, `CBAM3d` for others."""
        usual = self.generic or dims == self.usual_dims
        return self.class_name if usual else f"{self.class_name}{dims}d"

    def module_for(self, dims: int, class_name: str | None = None) -> str:
        """The name of the rendered module: `cbam`, `cbam3d`; `my_cbam` for a class `MyCBAM`."""
        if class_name and class_name != self.class_for(dims):
            return snake_case(class_name)
        return self.name.rpartition("/")[2].replace("-", "_") + (
            "" if self.generic or dims == self.usual_dims else f"{dims}d"
        )

    def dims_for(self, layout: str) -> int | None:
        """The dims to render for a feature of this layout; None where the block does not fit."""
        if "any" in self.layouts:
            return self.usual_dims if self.generic else FEATURES.get(layout, ("", None))[1]
        family, dims = FEATURES.get(layout, (None, 0))
        if layout == "NLC" and family not in self.layouts:
            family = "NHWC"  # with one axis for the positions these are the same
        return dims if family in self.layouts and dims in self.dims else None

    def replacement(self, layer_class: str) -> Replacement | None:
        """How it stands in for a layer of this class of torch.nn; None where it cannot."""
        return next((r for r in self.replaces if layer_class in r.layers), None)

    def output_channels(self, channels: int | None, arguments: Mapping[str, Any]) -> int:
        """How many channels come out where `channels` go in."""
        if self.channels == "same":
            assert channels is not None
            return channels
        values = {"channels": channels} | dict(arguments)
        formula = "out_channels" if self.channels == "in-out" else self.channels
        found: int = evaluate(formula, values)
        return found

    def output_size(self, n: int, arguments: Mapping[str, Any]) -> int:
        """The length that comes out of an axis of length `n`."""
        if self.size == "same":
            return n
        found: int = evaluate(self.size, {"n": n} | dict(arguments))
        return found

    def hidden_width(self, arguments: Mapping[str, Any]) -> int | None:
        """How many units its bottleneck has; None where it has none, or arguments do not tell."""
        if self.hidden is None:
            return None
        try:
            found: int = evaluate(self.hidden, arguments)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return None
        return found

    def as_dict(self) -> dict[str, Any]:
        """The entry of `list --json`."""
        paper = {k: self.paper[k] for k in ("title", "year", "arxiv", "doi") if k in self.paper}
        return {
            "name": self.name,
            "class": self.class_name,
            "family": self.family,
            "title": self.title,
            "title_zh": self.title_zh,
            "paper": paper,
            "layouts": list(self.layouts),
            "dims": list(self.dims),
            "inputs": self.inputs,
            "cost": dict(self.cost),
            "verified": self.oracle != "none",
        }


def snake_case(class_name: str) -> str:
    """`MyCBAM3d` -> `my_cbam3d`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name)
    return spaced.lower()
