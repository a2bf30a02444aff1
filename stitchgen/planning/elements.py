"""Which element of a layer's result a target means: `model.rnn#0`, `model.backbone#out`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from stitchgen.analysis.steps import Element
from stitchgen.analysis.survey import Json, Spot, first_place
from stitchgen.errors import StitchError

CONTAINERS: dict[str, Literal["tuple", "list"]] = {"tuple": "tuple", "list": "list"}


def tensors_in(output: Json) -> list[str]:
    """The elements of a result that are tensors, as a target names them behind its `#`."""
    parts = dict(enumerate(output["items"])) if "items" in output else output.get("keys", {})
    return [str(key) for key, part in parts.items() if "shape" in part]


def not_a_tensor(spot: Spot, name: str) -> StitchError:
    """That a result is no tensor, with its elements that are, each ready to paste."""
    output = spot.layer["output"]
    found = tensors_in(output)
    plain = name.partition("#")[0]
    hint = "Splice after a layer inside of it that gives a tensor, or before one that reads the element."
    if found:
        hint = f"Its elements {', '.join(found)} are tensors: name one, {plain}#{found[0]}"
    return StitchError(
        "not-a-tensor",
        f"{plain} gives a {output['type']}, not a tensor",
        where=first_place(spot.layer),
        hint=hint,
        suggestions=[f"{plain}#{element}" for element in found[:6]],
    )


def element_of(spots: Sequence[Spot], wanted: int | str, placement: str, name: str) -> Element:
    """The element that all spots have in common; refuses what has none of that name."""
    plain = name.partition("#")[0]
    where = first_place(spots[0].layer)
    if placement != "after":
        raise StitchError(
            "unsupported",
            f"{name} names an element of what {plain} gives, and --{placement} goes by what it takes",
            where=where,
            hint="An element goes with --after.",
        )
    found = {one_element(spot, wanted, plain) for spot in spots}
    if len(found) > 1:
        raise StitchError(
            "configuration-dependent",
            f"{plain} gives results of different kinds in "
            + ", ".join(dict.fromkeys(spot.configuration.expression for spot in spots)),
            where=where,
            hint="Name the configuration that you use: --build EXPR",
        )
    return found.pop()


def one_element(spot: Spot, wanted: int | str, plain: str) -> Element:
    output: Any = spot.layer.get("output") or {"type": "result that was not seen"}
    where = first_place(spot.layer)
    if "shape" in output:
        raise StitchError(
            "target-not-found",
            f"{plain} gives a tensor, which has no elements",
            where=where,
            suggestions=[plain],
        )
    tensors = tensors_in(output)
    if str(wanted) not in tensors:
        raise StitchError(
            "target-not-found" if tensors else "not-a-tensor",
            f"{plain} gives a {output['type']} in which {wanted} is no tensor",
            where=where,
            hint=f"Its tensors are {', '.join(tensors) or 'none'}.",
            suggestions=[f"{plain}#{element}" for element in tensors[:6]],
        )
    if "keys" in output:
        literals = dict(zip(output["keys"], output["literals"]))
        return Element(str(wanted), "dict", len(literals), literals[str(wanted)])
    kind = CONTAINERS.get(output["type"])
    if kind is None:
        raise StitchError(
            "unsupported",
            f"{plain} gives a {output['type']}, whose elements cannot be exchanged in a line",
            where=where,
            hint="Splice where the element is read, or after a layer inside.",
        )
    return Element(str(wanted), kind, len(output["items"]), str(wanted))
