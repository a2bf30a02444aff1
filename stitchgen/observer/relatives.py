"""Models of other files that share an edited class: they are built and run as before.

The same where they have none of what was added; where they have it, that they run is enough, since what it
does is proven where it was asked for.
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict, List, Optional, Sequence, Set

from torch import nn
from torch.nn.parameter import is_lazy

from stitchgen.observer import memory, parameter_groups, proof
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.checks.wording import short
from stitchgen.observer.failure import Failure
from stitchgen.observer.inputs import Source
from stitchgen.observer.inside import name_as_before
from stitchgen.observer.models import DEVICES, build, find_input, run
from stitchgen.observer.modes import set_mode
from stitchgen.observer.project import Project
from stitchgen.observer.protocol import Inside, Keys, ProvenBuild
from stitchgen.observer.tensors.intercept import Args, Around, Forward, Kwargs, intercepted
from stitchgen.observer.tensors.state import copy_state
from stitchgen.observer.tensors.values import difference, frozen

#: Of a construction, and a path in it.
IDLE = "In %s, %s is never called, and will not be trained: what runs the layer there does so by its parts."


def prove_relative(
    original: Project,
    edited: Project,
    expression: str,
    given: Sequence[str],
    inside: Sequence[Inside] = (),
    *,
    guess: bool = True,
) -> ProvenBuild:
    """Where the user's input does not fit, one is guessed, if `guess`. Raises `CheckFailed`; what did not build before the edit is passed over, with no input."""
    with original:
        original.load()
        try:
            check_size(original, expression)
            before = build(original, expression)
        except Failure as failure:
            # What is too large is named; what does not build did not before either.
            report = failure.report
            notes = [report["message"] + ": not tried."] if report["code"] == "too-large" else []
            return proven(None, notes=notes)
        source = input_of(original, before, [given, ()] if guess else [given])
        expected: Any = None if source is None else run(before, source)
    with edited:
        edited.load()
        try:
            after = build(edited, expression)
        except Failure as failure:
            raise CheckFailed("builds", failure.report["message"]) from failure
        name_as_before(before, after, inside, edited.overlay, loads=False)
        idle = check_run(before, after, source, expected) if source is not None else []
    with original:
        called: List[str] = []
        parameter_groups.left_out(before, after, (), original.root, called=called)
    return proven(source, called, [IDLE % (expression, path) for path in idle[:1]])


def check_size(original: Project, expression: str) -> None:
    """Raises `Failure` where a model takes too much of the memory; it is built without any for that, if it can be."""
    if DEVICES[0] is None:
        return
    with contextlib.suppress(Failure):
        build(original, expression, DEVICES[0])
    if expression in memory.SIZES:
        memory.check_fits(expression, memory.SIZES[expression], memory.OF_A_PROOF)


def input_of(
    project: Project, model: nn.Module, candidates: Sequence[Sequence[str]]
) -> Optional[Source]:
    """The first of these that the model takes, where one of none is guessed; None for none of them."""
    for texts in candidates:
        try:
            return find_input(project, model, texts)
        except Failure:
            continue
    return None


def check_run(
    before: nn.Module, after: nn.Module, source: Source, expected: object
) -> Sequence[str]:
    """The paths of what is new in the model, and never called in its forward."""
    new = new_modules(before, after)
    called: Set[str] = set()
    try:
        set_mode(after, training=False)
        if any(map(is_lazy, after.parameters())):
            run(after, source)  # a lazy layer has its shapes only then
        copy_state(before, after, lambda path: False)
        with contextlib.ExitStack() as stack:
            for path, module in new.items():
                stack.enter_context(intercepted(module, noting(path, called)))
            result = run(after, source)
    except Exception as error:
        raise CheckFailed("builds", "it does not run any more: %s" % short(error)) from error
    if new:
        return [path for path in new if path not in called]
    found = difference(frozen(expected), frozen(result))
    if found and difference(frozen(expected), frozen(run(before, source))) is None:
        raise CheckFailed("elsewhere", "it has no new block, and %s." % found)
    return []


def new_modules(before: nn.Module, after: nn.Module) -> Dict[str, nn.Module]:
    """What the edited model has besides, without what is inside of it."""
    old = {path for path, _ in before.named_modules()}
    return {
        path: module
        for path, module in after.named_modules()
        if path not in old and path.rpartition(".")[0] in old
    }


def noting(path: str, called: Set[str]) -> Around:
    def around(forward: Forward, args: Args, kwargs: Kwargs) -> Any:
        called.add(path)
        return forward(*args, **kwargs)

    return around


def proven(
    source: Optional[Source], called: Sequence[str] = (), notes: Sequence[str] = ()
) -> ProvenBuild:
    """With the input that it was run on, if it was."""
    nothing: Keys = {"added": [], "lost": [], "reshaped": []}
    ran = proof.unmeasured(nothing, forwards=0 if source is None else 2)
    ran["notes"].extend(notes)
    return proof.answer("" if source is None else source.describe(), ran, called=called)
