"""Prove an edit that anybody made: find what is new and where it sits, then hold the checks of the proof.

Nobody says what the edit was meant to be. The places that a new module may have, by what it is fed, are
tried against the reference of the proof; the first that agrees is the one that is proven. Where none does,
the likeliest is, so that the check that fails says what is wrong with it.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

from torch import nn

from stitchgen.observer import fused, no_cuda, proof, protocol
from stitchgen.observer.checks.evidence import Evidence, Output
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.edits.axes import layout_of
from stitchgen.observer.edits.hypotheses import Hypothesis, combinations, grouped, hypotheses
from stitchgen.observer.edits.rules import (
    EditFailed,
    check_called,
    check_counts,
    check_kept,
    check_loose,
    check_still_called,
    check_writes,
)
from stitchgen.observer.edits.structure import Structure
from stitchgen.observer.edits.trace import Trace, trace
from stitchgen.observer.failure import Failure, failure_of
from stitchgen.observer.forwards.models import Models, Original
from stitchgen.observer.forwards.runner import Inputs, Runner
from stitchgen.observer.forwards.splice import Splice, names_of, under
from stitchgen.observer.models import build, source_in_train, train_batch
from stitchgen.observer.modes import set_mode
from stitchgen.observer.project import Project
from stitchgen.observer.small_inputs import small_input
from stitchgen.observer.tensors.intercept import Args, Kwargs
from stitchgen.observer.tensors.perturb import perturb
from stitchgen.observer.tensors.slots import slots
from stitchgen.observer.tensors.state import Snapshot, copy_state, warm_up
from stitchgen.observer.tracing.definitions import Definitions

MODES = ("eval", "train")


def prove_edit(
    original: Project,
    edited: Project,
    entry: protocol.EditOfBuild,
    request: protocol.ProveEditRequest,
    known: Dict[str, Hypothesis],
) -> protocol.ProvenEdit:
    """The proof of one configuration; raises `Failure` for what the original does, and `CheckFailed`.

    `known` are the places that were found in others, by the new module's path; it is added to.
    """
    with original:
        original.load()
        before = build(original, entry["before"])
        source = small_input(original, before, request.get("inputs") or [])
        trained = source_in_train(original, request.get("inputs_train") or [], source)

    def inputs(number: int) -> Tuple[Args, Kwargs]:
        return source.make(number, train_batch(source))

    def inputs_train(number: int) -> Tuple[Args, Kwargs]:
        return trained.make(number, train_batch(trained))

    with edited:
        definitions = Definitions()
        try:
            with definitions:
                edited.load()
                after = build(edited, entry["expression"])
        except Failure as failure:
            message = "the edited model: %s" % failure.report["message"]
            raise EditFailed("builds", message, where=failure.report.get("where")) from failure
        except Exception as error:
            raise does_not_run(error, "the edited file cannot be imported") from error
        edit = Edit(before, after, definitions, {"eval": inputs, "train": inputs_train}, known)
        if entry["brief"]:
            proven = edit.checked_briefly()
        else:
            proven = edit.proven()
            proven["notes"].extend(fused.check_fused(before, after, inputs))
            blind = edit.blocks_of_unknown_axes()
            if blind:
                proven["unshown"].append("axis")
                message = "The weights of %s do not say which axis of what it is fed they take for channels."
                proven["notes"].append(message % " and ".join(blind))
        proven["notes"].extend(original.notes())
        proven["notes"].extend(no_cuda.notes())
    return {
        "ok": True,
        "input": source.describe(),
        "modules": edit.modules(),
        "keys": proven["keys"],
        "params_added": proven["params_added"],
        "macs_added": proven["macs_added"],
        "notes": proven["notes"],
        "unshown": proven["unshown"],
    }


def does_not_run(error: BaseException, what: str) -> EditFailed:
    """What the edited model raises, and where."""
    report = failure_of("law-broken", error, what).report
    return EditFailed("builds", report["message"], where=report.get("where"))


class Edit:
    """Two models that are to be compared, and what was found."""

    def __init__(
        self,
        before: nn.Module,
        after: nn.Module,
        definitions: Definitions,
        inputs: Dict[str, Inputs],
        known: Dict[str, Hypothesis],
    ) -> None:
        self.known = known
        self.before, self.after = before, after
        self.definitions, self.inputs = definitions, inputs
        self.structure = Structure(before, after)
        self.traces: Dict[str, Tuple[Trace, Trace]] = {}
        self.splices: List[protocol.Splice] = []
        common = {path for path, _ in before.named_modules(remove_duplicate=False)}
        #: Paths that both models have, of the same layer.
        shared = [path for path, _ in after.named_modules(remove_duplicate=False) if path in common]
        elsewhere = [one.new for one in self.structure.moved] + self.structure.new
        self.common = [path for path in shared if not under(path, elsewhere)]

    # The proof ------------------------------------------------------------------------------------

    def proven(self) -> protocol.Proof:
        """All checks, the first that fails with its place."""
        try:
            self.watch()
            self.check_before()
            self.splices = self.chosen()
            return proof.prove(
                self.before,
                self.after,
                self.splices,
                self.inputs["eval"],
                inputs_train=self.inputs["train"],
            )
        except EditFailed:
            raise
        except CheckFailed as failed:
            raise self.with_place(failed) from failed

    def checked_briefly(self) -> protocol.Proof:
        """That a configuration runs, has its new modules, and calls them as often as their layers."""
        try:
            self.watch()
            self.check_before()
            places = self.places()
            choice = {block: self.known.get(block, found[0]) for block, found in places.items()}
            self.splices = self.as_splices(choice, dict.fromkeys(places, ""))
            pair = proof.pair_of(self.before, self.after, self.splices)
        except EditFailed:
            raise
        except CheckFailed as failed:
            raise self.with_place(failed) from failed
        for mode, (old, new) in self.traces.items():
            check_counts(self.splices, mode, old, new)
        return proof.unmeasured(pair.keys, forwards=1)

    def watch(self) -> None:
        """One forward of both models in each mode, from one perturbed state; they are left as they were."""
        for model in (self.before, self.after):
            args, kwargs = self.inputs["eval"](0)
            warm_up(model, args, kwargs)
        kept = Snapshot(self.before), Snapshot(self.after)
        perturb(slots(self.before), 1.0, 0)
        new = self.structure.new
        copy_state(self.before, self.after, lambda path: under(path, new))
        perturb([slot for slot in slots(self.after) if under(slot.path, new)], 1.0, 101)
        state = Snapshot(self.before), Snapshot(self.after)
        for mode in MODES:
            found = []
            for model, snapshot in zip((self.before, self.after), state):
                snapshot.restore()
                set_mode(model, training=mode == "train")
                args, kwargs = self.inputs[mode](0)
                try:
                    found.append(trace(model, args, kwargs, 0))
                except Exception as error:
                    if model is self.before:
                        raise
                    message = "the edited model does not run in %s" % mode
                    raise does_not_run(error, message) from error
            self.traces[mode] = found[0], found[1]
        for snapshot in kept:
            snapshot.restore()
        called = {call.path for _, new in self.traces.values() for call in new.calls}
        self.structure.open_lists(called)

    def check_before(self) -> None:
        """What the two traces show by themselves."""
        for old, new in self.traces.values():
            check_loose(old, new)
        check_kept(self.structure, self.defined)
        check_called(self.structure, self.traces, self.defined, self.names)
        check_still_called(self.structure, self.common, self.traces)
        for old, new in self.traces.values():
            check_writes(self.common, old, new)

    # Where it sits --------------------------------------------------------------------------------

    def places(self) -> Dict[str, List[Hypothesis]]:
        """The places that each new module may have, by its path; one under several names comes once."""
        found: Dict[str, List[Hypothesis]] = {}
        seen: Dict[int, str] = {}
        modules = dict(self.after.named_modules(remove_duplicate=False))
        for block in [*self.structure.added, *(one.new for one in self.structure.replaced)]:
            if seen.setdefault(id(modules[block]), block) != block:
                continue
            for mode in MODES:
                old, new = self.traces[mode]
                places = hypotheses(block, self.structure, old, new, self.common)
                if places:
                    found[block] = places
                    break
            else:
                if self.calls(block):
                    raise EditFailed(
                        "position",
                        "%s is fed nothing that a layer beside it gives or takes: where it sits "
                        "cannot be determined." % block,
                        where=self.called(block) or self.defined(block),
                    )
        return found

    def chosen(self) -> List[protocol.Splice]:
        """The splices that agree with the edited model; else the likeliest."""
        places = self.places()
        if not places:
            return []
        layouts = {block: self.layout(block) for block in places}
        first: Optional[List[protocol.Splice]] = None
        for choice in combinations(grouped(self.after, places)):
            splices = self.as_splices(choice, layouts)
            first = first or splices
            if self.agrees(splices):
                self.known.update(choice)
                return splices
        assert first is not None
        return first

    def as_splices(
        self, choice: Dict[str, Hypothesis], layouts: Dict[str, str]
    ) -> List[protocol.Splice]:
        """In the order in which the modules are called: one may be fed what another gives."""
        modules = dict(self.after.named_modules(remove_duplicate=False))
        order = {block: self.calls(block)[0].start if self.calls(block) else 0 for block in choice}
        found = []
        for block in sorted(choice, key=order.__getitem__):
            splice = choice[block].splice(block, type(modules[block]).__name__, layouts[block])
            method = splice.get("method")
            if method and choice[block].gate is not None:
                owner, _, name = str(choice[block].gate).rpartition(".")
                method["gated"] = not bool(getattr(modules[owner], name).detach().any())
            found.append(splice)
        return found

    def agrees(self, splices: Sequence[protocol.Splice]) -> bool:
        """Whether the original with the new modules put there from outside gives what the edited model gives."""
        kept = Snapshot(self.before), Snapshot(self.after)
        found = [Splice(i, one, self.before, self.after) for i, one in enumerate(splices)]
        try:
            models = Models(Original(self.before), self.after, found, 0)
            models.prepare(1.0)
            runner = Runner(models, found, self.inputs["eval"], self.inputs["train"])
            for index, mode in enumerate(MODES):
                run = Evidence(runner).reference_run(mode, index)
                if run is None:
                    return False
                edited = runner.edited(mode, index, None)
                if any(edited.block_calls.values()):
                    return Output(run.output).difference(edited.output) is None
        except Exception:
            return False  # it does not fit there; the proof of another place says what is wrong
        finally:
            for snapshot in kept:
                snapshot.restore()
        return False

    def layout(self, block: str) -> str:
        """The axes of what the module takes, by trying it; the model is left as it was."""
        modules = dict(self.after.named_modules(remove_duplicate=False))
        for mode in MODES:
            first = self.traces[mode][1].first.get(block)
            if first is not None:
                snapshot = Snapshot(self.after)
                module = modules[block]
                set_mode(module, training=False)
                try:
                    return layout_of(module, *first)
                finally:
                    snapshot.restore()
        return ""

    def blocks_of_unknown_axes(self) -> List[str]:
        """The new modules that are fed several axes, do something, and whose layout is not known."""
        modules = dict(self.after.named_modules(remove_duplicate=False))
        blocks = [str(one.get("block")) for one in self.splices if not one.get("layout")]
        unknown = [one for one in blocks if not isinstance(modules.get(one), nn.Identity)]
        shapes = {one: [call.fed[0] for call in self.calls(one) if call.fed] for one in unknown}
        return [one for one, own in shapes.items() if any(len(shape) > 2 for shape in own)]

    # For the report -------------------------------------------------------------------------------

    def names(self, block: str) -> List[str]:
        """All paths of a new module."""
        modules = dict(self.after.named_modules(remove_duplicate=False))
        return names_of(self.after, modules.get(block))

    def calls(self, block: str) -> List[Any]:
        return [call for _, new in self.traces.values() for call in new.of(block)]

    def called(self, block: str) -> Optional[str]:
        """`path:line` of its first call."""
        return next((call.where for call in self.calls(block) if call.where), None)

    def defined(self, path: str) -> Optional[str]:
        """`path:line` where a module was made a child, or the one around it where it was not."""
        while path:
            owner, _, name = path.rpartition(".")
            parent = dict(self.after.named_modules(remove_duplicate=False)).get(owner)
            frames = self.definitions.of(parent, name) if parent is not None else None
            if frames:
                return "%s:%d" % (frames[0].file, frames[0].line)
            path = owner
        return None

    def with_place(self, failed: CheckFailed) -> EditFailed:
        """A check that failed, with the line that it is about."""
        message, where = failed.message, None
        if failed.check == "keys":
            where = self.about_keys(message)
        blocks = [str(one.get("block")) for one in self.splices]
        meant = [block for block in blocks if block in message] or blocks
        for block in meant:
            where = where or self.called(block) or self.defined(block)
        if not self.splices:
            message = message.replace(
                "Without the layer nothing should change",
                "No module is new, so nothing should change",
            )
        return EditFailed(failed.check, message, failed.mode, where)

    def about_keys(self, message: str) -> Optional[str]:
        """The line that made the module whose key a message names."""
        for word in message.split():
            path = word.rpartition(".")[0]
            outer = [one for one in self.structure.new if under(path, [one])]
            if path and self.defined(path):
                return self.defined(min([*outer, path], key=len))
        return None

    def modules(self) -> List[protocol.NewModule]:
        """What is new, and where it sits."""
        found: List[protocol.NewModule] = []
        for splice in self.splices:
            block = str(splice.get("block"))
            calls = self.calls(block)
            layout = splice.get("layout") or ""
            shape = calls[0].fed[0] if calls and calls[0].fed else ()
            gate = (splice.get("method") or {}).get("parts", {}).get("gate")
            found.append(
                {
                    "path": block,
                    "class_name": splice.get("made_of") or "",
                    "placement": splice["placement"],
                    "target": splice["target"],
                    "fuse": (splice.get("method") or {}).get("fuse"),
                    "gate": gate if isinstance(gate, str) else None,
                    "defined": self.defined(block),
                    "called": self.called(block),
                    "layout": layout,
                    "channels": shape[layout.index("C")] if layout else None,
                }
            )
        return found
