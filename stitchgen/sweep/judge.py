"""Does a run count? It has to prove that its block was there, and whether it is paired.

A run that trains the baseline under a variant's name is the most dangerous failure of all: it gives a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OTHER_MODEL = (
    "let the script train the model that it builds of the edited class, and build no other one"
)


@dataclass(frozen=True)
class Pairing:
    """Whether a run began where its baseline did: all shared tensors equal at the first step."""

    paired: bool
    shared: int = 0
    reason: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """`refused` is why the run does not count, empty where it does; `where` the line of the script, `path:line`."""

    refused: str
    hint: str
    where: str
    pairing: Pairing
    moved: int = 0
    parameters: int = 0


def verdict_of(
    reports: Mapping[str, Any],
    *,
    tree: Path,
    edited: Sequence[str],
    attributes: Sequence[str],
    pair: bool,
) -> Verdict:
    """Judge a variant's run by what the runner saw in each of its processes."""
    pairing = pairing_of(reports, pair=pair)
    trained = {name: one for name, one in reports.items() if one["stepped"]}
    if not trained:
        return Verdict(
            "no optimizer was seen to take a step, so nothing shows that the block was trained",
            "run the training with python or torchrun, without -I and -E, and leave it the PYTHONPATH that it is given",
            "",
            pairing,
        )
    for one in trained.values():
        refused = not_from_tree(one["loaded"], tree, edited) or not_trained(one, attributes)
        if refused is not None:
            return Verdict(*refused, pairing)
    blocks = [one["blocks"] for one in trained.values()]
    moved, parameters = len(blocks[0]["moved"]), len(blocks[0]["parameters"])
    return Verdict("", "", "", pairing, moved, parameters)


def not_from_tree(
    loaded: Mapping[str, Sequence[str]], tree: Path, edited: Sequence[str]
) -> tuple[str, str, str] | None:
    """The edited files have to be those that were imported: an installed copy is another model."""
    for file in edited:
        paths = loaded.get(file, [])
        if str((tree / file).resolve()) not in paths:
            there = f"; {paths[0]} was imported instead" if paths else ""
            return (
                f"the training did not import the edited {file} of its tree{there}",
                "let the training import the project's own files: what it puts on sys.path hides them",
                "",
            )
    return None


def not_trained(
    report: Mapping[str, Any], attributes: Sequence[str]
) -> tuple[str, str, str] | None:
    """The block has to be made, to run, to be in an optimizer and to move."""
    blocks = report["blocks"]
    optimizer = in_tree(report.get("optimizer_at"))
    trained: Mapping[str, str | None] = report.get("trained_at") or {}
    built = in_tree(next(iter(trained.values()), None))
    parts = {part for path in blocks["modules"] + blocks["parameters"] for part in path.split(".")}
    parts |= {part.partition(":")[2] for part in parts}
    for attribute in attributes:
        name = [part for part in attribute.split(".") if not part.isdigit()][-1]
        if name not in parts:
            return (
                f"the model that was trained has no {attribute}",
                OTHER_MODEL,
                built,
            )
    parameters = set(blocks["parameters"])
    left = sorted(parameters - set(blocks["optimized"]))
    if trained and left and left[0].partition(":")[0] not in trained:
        return (
            f"the model that was trained is not the one that has {_name(left[0])}",
            OTHER_MODEL,
            built,
        )
    if left:
        return (
            f"no optimizer has {_name(left[0])}"
            + (f" and {len(left) - 1} more" if left[1:] else ""),
            "give the optimizer all parameters: model.parameters(), not those of some layers",
            optimizer,
        )
    if parameters and not blocks["moved"]:
        return (
            f"{_name(min(parameters))} and all else of the block stayed as it began",
            "see that the block runs in the training and that its learning rate is not zero",
            optimizer,
        )
    if not parameters and not set(blocks["callable"]) & set(blocks["called"]):
        hint = "see that the training runs the layer it is at"
        return "the block was never called", hint, built
    return None


def in_tree(where: str | None) -> str:
    """A line of a run's own copy of the project as the user reads it: `train.py:12`."""
    return (where or "").rpartition("/tree/")[2]


def pairing_of(reports: Mapping[str, Any], *, pair: bool) -> Pairing:
    """Whether the shared tensors were equal in all processes when training began."""
    if not pair:
        return Pairing(False, reason="--no-pair")
    if not reports:
        return Pairing(False, reason="the runner saw no model")
    shared = sum(one["pairing"]["shared"] for one in reports.values())
    for one in reports.values():
        found = one["pairing"]
        if found["unequal_count"]:
            names = tuple(map(_name, found["unequal"]))
            count = found["unequal_count"]
            return Pairing(False, shared, f"{count} shared tensors differ at the first step", names)
        if found["other_samples"]:
            place = in_tree(found["other_samples"][0])
            where = f" at {place}" if place else ""
            reason = f"the loader{where} has other samples than the baseline's: split the data before the model is made"
            return Pairing(False, shared, reason)
        if found["stopped"] and not one["blocks"]["optimized"] and not found["shared"]:
            return Pairing(False, shared, found["stopped"])
    if not shared:
        return Pairing(False, reason="nothing is shared with the baseline's model")
    return Pairing(True, shared)


def _name(key: str) -> str:
    return key.partition(":")[2]


def constant_seed(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """Where the script sets a seed of its own, if two baselines of other seeds began alike; `` where unseen."""
    for name in {*one} & {*other}:
        first, second = one[name], other[name]
        if first["fingerprints"] and first["fingerprints"] == second["fingerprints"]:
            places = [where for _, where in first["seeds"] if where]
            return places[-1] if places else ""
    return None
