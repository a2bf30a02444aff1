"""Commands without the command line: their words as the request, and how they are refused.

`request_of("cbam --after model.layer2", python)` gives what the command line would; `refusal` runs
such a request, which has to be refused and to leave the project as it was.
"""

from __future__ import annotations

import argparse
import shlex

import pytest

from stitchgen.errors import StitchError
from stitchgen.fusions.registry import FUSIONS
from stitchgen.pipeline import splice as splicing
from stitchgen.project import config
from stitchgen.targets.placement import PLACEMENTS
from stitchgen.targets.request import AddRequest, FuseRequest, SpliceRequest
from tests.support.spliced import tree


def request_of(flags: str, python: str) -> SpliceRequest:
    """The command line of a case as the request that `cli` makes of it."""
    words = shlex.split(flags)
    fusing = words[0] == "fuse"
    parser = argparse.ArgumentParser(exit_on_error=False)
    if fusing:
        parser.add_argument("command")
        parser.add_argument("targets", nargs="+")
        parser.add_argument("--block", default="")
        parser.add_argument("--resize", default="bilinear")
        parser.add_argument("--at")
    else:
        parser.add_argument("block")
    for placement in PLACEMENTS:
        parser.add_argument(f"--{placement}", nargs="+", dest=placement)
    parser.add_argument("--with", dest="with_", action="append", default=[])
    for single in ("into", "fuse", "reduce"):
        parser.add_argument(f"--{single}")
    parser.add_argument("--gate", action="store_true")
    for several in ("set", "build", "input"):
        parser.add_argument(f"--{several}", action="append", default=[])
    parser.add_argument("--where", action="append", default=[])
    parser.add_argument("--every")
    parser.add_argument("--name")
    parser.add_argument("--channels")
    parser.add_argument("--weights")
    parser.add_argument("--attach", action="store_true")
    parser.add_argument("--inside", action="store_true")
    parser.add_argument("--no-prove", action="store_true")
    given = parser.parse_args(words)
    settings = dict(text.split("=", 1) for text in given.set)
    common = {
        "block": given.block,
        "settings": {k: v for k, v in settings.items() if not k.startswith("reduce.")},
        "reduce_settings": {k[7:]: v for k, v in settings.items() if k.startswith("reduce.")},
        "fuse": FUSIONS[given.fuse] if given.fuse else None,
        "reduce": given.reduce,
        "gate": given.gate,
        "builds": tuple(given.build),
        "inputs": tuple(given.input),
        "name": given.name,
        "prove": not given.no_prove,
        "python": python,
    }
    if fusing:
        targets = tuple(given.targets)
        how = {"resize": given.resize, "at": given.at}
        return FuseRequest(targets=targets, **how, **common)
    placement = next(p for p in PLACEMENTS if getattr(given, p))
    return AddRequest(
        placement=PLACEMENTS[placement],
        targets=tuple(getattr(given, placement)),
        with_=tuple(given.with_),
        into=given.into,
        every=given.every,
        where=dict(text.split("=", 1) for text in given.where),
        channels=given.channels,
        attach=given.attach,
        inside=given.inside,
        weights=given.weights,
        **common,
    )


def refusal(project: config.Project, flags: str, python: str) -> StitchError:
    before = tree(project.root)
    with pytest.raises(StitchError) as refused:
        splicing.run(project, request_of(flags, python))
    assert tree(project.root) == before
    return refused.value
