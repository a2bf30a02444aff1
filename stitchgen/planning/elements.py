"""Which element of a layer's result a target means: `model.rnn#0`, `model.backbone#out`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from stitchgen.analysis.steps import Element
from stitchgen.analysis.survey import LayerInstance
from stitchgen.errors import StitchError
from stitchgen.targets.placement import Placement

CONTAINERS: dict[str, Literal["tuple", "list"]] = {"tuple": "tuple", "list": "list"}


def not_a_tensor(instance: LayerInstance, name: str) -> StitchError:
    """That a result is no tensor, with its elements that are, each ready to paste."""
    output = instance.facts.output
    found = output.tensors
    plain = name.partition("#")[0]
    hint = "Splice after a layer inside of it that gives a tensor, or before one that reads the element."
    if found:
        hint = f"Its elements {', '.join(found)} are tensors: name one, {plain}#{found[0]}"
    return StitchError(
        "not-a-tensor",
        f"{plain} gives a {output.type}, not a tensor",
        where=instance.facts.where,
        hint=hint,
        suggestions=[f"{plain}#{element}" for element in found[:6]],
    )


def element_of(
    instances: Sequence[LayerInstance], wanted: int | str, placement: Placement, name: str
) -> Element:
    """The element that all instances have in common; refuses what has none of that name."""
    plain = name.partition("#")[0]
    where = instances[0].facts.where
    if not placement.takes_elements:
        raise StitchError(
            "unsupported",
            f"{name} names an element of what {plain} gives, and --{placement} goes by what it takes",
            where=where,
            hint="An element goes with --after.",
        )
    found = {one_element(one, wanted, plain) for one in instances}
    if len(found) > 1:
        raise StitchError(
            "configuration-dependent",
            f"{plain} gives results of different kinds in "
            + ", ".join(dict.fromkeys(one.configuration.expression for one in instances)),
            where=where,
            hint="Name the configuration that you use: --build EXPR",
        )
    return found.pop()


def one_element(instance: LayerInstance, wanted: int | str, plain: str) -> Element:
    output = instance.facts.output
    where = instance.facts.where
    if output.is_tensor:
        raise StitchError(
            "target-not-found",
            f"{plain} gives a tensor, which has no elements",
            where=where,
            suggestions=[plain],
        )
    tensors = output.tensors
    if str(wanted) not in tensors:
        raise StitchError(
            "target-not-found" if tensors else "not-a-tensor",
            f"{plain} gives a {output.type} in which {wanted} is no tensor",
            where=where,
            hint=f"Its tensors are {', '.join(tensors) or 'none'}.",
            suggestions=[f"{plain}#{element}" for element in tensors[:6]],
        )
    if output.keys is not None:
        literals = dict(zip(output.keys, output.literals))
        return Element(str(wanted), "dict", len(literals), literals[str(wanted)])
    kind = CONTAINERS.get(output.type)
    if kind is None:
        raise StitchError(
            "unsupported",
            f"{plain} gives a {output.type}, whose elements cannot be exchanged in a line",
            where=where,
            hint="Splice where the element is read, or after a layer inside.",
        )
    return Element(str(wanted), kind, len(output.parts), str(wanted))
