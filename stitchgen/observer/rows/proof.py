"""The checks of rows that were put into a model's YAML: the old model beside the new one.

They are those of `checks`, as far as a model means the same whose layers have moved: it builds at every
scale, the keys are there at their new numbers, a new row is fed what its source gives and read by its
readers, all else computes the same bit for bit, the row is consumed and trained. Besides, the trainers of
such models build anew from `model.yaml`, copy, pickle and fuse: the block has to survive that.
"""

from __future__ import annotations

import copy
import io
import pickle
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import torch
from torch import nn

from stitchgen.observer import cost
from stitchgen.observer.checks.failed import CheckFailed
from stitchgen.observer.failure import Failure, failure_of
from stitchgen.observer.inputs import shape_in
from stitchgen.observer.protocol import NewRow, ProvenScale, RowsAnswer, RowsRequest
from stitchgen.observer.rows.builder import Builder, image_channels, run_layers
from stitchgen.observer.rows.fused import check_close, fuse, fused_run, is_close
from stitchgen.observer.rows.twins import (
    blocks_of,
    compare_keys,
    layers_of,
    take_over,
    without_blocks,
)
from stitchgen.observer.tensors.convolutions import Convolutions
from stitchgen.observer.tensors.gradients import random_sum
from stitchgen.observer.tensors.perturb import perturb
from stitchgen.observer.tensors.randomness import seed_all
from stitchgen.observer.tensors.slots import Slot, slots
from stitchgen.observer.tensors.state import Snapshot
from stitchgen.observer.tensors.values import difference, finite, floats, frozen, leaves

#: How often a zero gradient is tried again, with other inputs and other weights of the block.
RETRIES = 12
#: So many values have the weights of a large layer.
DRAWN = 1 << 15
#: The least side of an image that shows all, and the same in pixels of the coarsest feature.
SIDE, PIXELS = 128, 2


def prove_rows(request: RowsRequest) -> RowsAnswer:
    """Hold the checks at each scale, in their order, up to the first at which one fails."""
    with Builder(request.get("builder"), request.get("register"), request["name"]) as builder:
        return proven_with(builder, request)


def proven_with(builder: Builder, request: RowsRequest) -> RowsAnswer:
    answer: RowsAnswer = {
        "scales": [],
        "builder": builder.file,
        "version": builder.version,
        "error": None,
    }
    for scale in request["scales"]:
        full = scale in request["full"]
        try:
            prove = prove_scale if full else build_scale
            answer["scales"].append(prove(builder, request, scale))
        except Failure as failure:
            answer["error"] = failure.report
        except CheckFailed as failed:
            answer["error"] = {
                "code": "law-broken",
                "message": failed.message,
                "check": failed.check,
                "mode": failed.mode,
            }
        if answer["error"] is not None:
            where = "at scale %s: " % scale if scale else ""
            answer["error"]["message"] = where + answer["error"]["message"]
            break
    return answer


def proven(scale: str, *, full: bool, **found: Any) -> ProvenScale:
    result: ProvenScale = {
        "scale": scale,
        "full": full,
        "keys": {"added": [], "lost": [], "reshaped": []},
        "params_added": 0,
        "macs_added": 0,
        "macs_counted": cost.COUNTED,
        "input": "",
        "notes": [],
    }
    result.update(found)  # type: ignore[typeddict-item]  # the caller's names are the record's
    return result


def built(action: Callable[[], Any], what: str, *, edited: bool) -> Any:
    """What building gives; a failure of the edited model is a broken check, of the original no proof."""
    try:
        return action()
    except Exception as error:
        failure = failure_of("does-not-build", error, what)
        if not edited:
            raise failure from error
        raise CheckFailed("builds", failure.report["message"]) from error


# -- shapes alone ------------------------------------------------------------------------------------


def build_scale(builder: Builder, request: RowsRequest, scale: str) -> ProvenScale:
    """That the edited model builds, and that its layers fit together up to the head."""
    old, new = (builder.settings(request[text], scale) for text in ("before", "after"))
    before = built(lambda: builder.layers(old), "the model of the YAML as it is", edited=False)
    after = built(lambda: builder.layers(new), "the edited model", edited=True)
    rows, moved = request["rows"], request["moved"]
    keys = compare_keys(states(before), states(after), moved, rows)
    added = cost.parameters(after[row["index"]] for row in rows)
    channels, notes = image_channels(old), []
    try:
        run_layers(after, channels, SIDE)
    except Exception as error:
        try:
            run_layers(before, channels, SIDE)
        except Exception:
            notes.append(
                "the layers do not run one by one at scale %s, so only building was tried" % scale
            )
        else:
            failure = failure_of("does-not-run", error, "the edited model")
            raise CheckFailed("builds", failure.report["message"]) from error
    return proven(scale, full=False, keys=keys, params_added=added, notes=notes)


def states(layers: List[nn.Module]) -> Dict[str, torch.Tensor]:
    return {
        "model.%d.%s" % (number, name): tensor
        for number, layer in enumerate(layers)
        for name, tensor in layer.state_dict().items()
    }


# -- the model, run ----------------------------------------------------------------------------------


class Way(NamedTuple):
    """How the two models are run."""

    side: int  # the least side of an image that is tried,
    pixels: int  # and that of the coarsest feature of it
    share: bool  # whether they have their weights in one memory


#: What this does not show is shown the other way: a map of few pixels may be too small for a block, and a
#: model may write to its weights.
QUICK = Way(64, 1, share=True)
THOROUGH = Way(SIDE, PIXELS, share=False)


class Unclear(Exception):
    """The quick way shows nothing."""


def prove_scale(builder: Builder, request: RowsRequest, scale: str) -> ProvenScale:
    """All checks."""
    models = both_built(builder, request, scale, QUICK)
    try:
        return checked(builder, request, scale, models, QUICK)
    except (CheckFailed, Failure, Unclear):
        del models
    models = both_built(builder, request, scale, THOROUGH)
    return checked(builder, request, scale, models, THOROUGH)


def both_built(builder: Builder, request: RowsRequest, scale: str, way: Way) -> Tuple[Any, Any]:
    """The model before and after; weights that are then shared are not drawn twice."""
    old, new = (builder.settings(request[text], scale) for text in ("before", "after"))
    drawn = classes_of(new, request["rows"]) if way.share else None
    before = built(lambda: builder.build(old), "the model of the YAML as it is", edited=False)
    after = built(lambda: builder.build(new, drawn), "the edited model", edited=True)
    return before, after


def classes_of(settings: Mapping[str, Any], rows: Sequence[NewRow]) -> List[str]:
    every = [*settings["backbone"], *settings["head"]]
    return [str(every[row["index"]][2]).rpartition(".")[2] for row in rows]


def checked(
    builder: Builder, request: RowsRequest, scale: str, models: Tuple[Any, Any], way: Way
) -> ProvenScale:
    """All checks of two models, which are changed by it."""
    before, after = models
    rows, moved = request["rows"], request["moved"]
    keys = compare_keys(before.state_dict(), after.state_dict(), moved, rows)
    pair = Pair(before, after, rows, moved, given_shapes(request, before, way), share=way.share)
    pair.check_strides()
    # What runs in train moves statistics, so all that is compared in eval comes first.
    pair.check_elsewhere("eval")
    pair.check_position()
    pair.check_survives(builder)
    kept = pair.state()
    pair.check_elsewhere("train")
    pair.check_consumed()
    notes = pair.batch_of_one()
    if notes and way is QUICK:
        raise Unclear
    macs = pair.macs()
    pair.check_left()
    # Fusing takes the models apart, so it comes last.
    pair.restore(kept)
    notes += pair.check_fused()
    return proven(
        scale,
        full=True,
        keys=keys,
        params_added=cost.parameters(blocks_of(after, rows)),
        macs_added=macs,
        input="x".join(map(str, pair.shape)),
        notes=notes,
    )


def given_shapes(request: RowsRequest, model: Any, way: Way) -> List[List[int]]:
    """The shapes of images to try: `--input`, or as small as the model's strides allow, and larger; a batch of two."""
    for text in request.get("inputs") or []:
        shape = shape_in(text)
        if shape is None or len(shape[0]) != 4:
            raise Failure("does-not-run", "--input %s is no image: 1x3x640x640" % text)
        return [[max(2, shape[0][0]), *shape[0][1:]]]
    stride = getattr(model, "stride", None)
    coarsest = int(torch.as_tensor(stride).max()) if stride is not None else 32
    sides = max(way.side, way.pixels * coarsest), max(SIDE, PIXELS * coarsest)
    channels = image_channels(model.yaml)
    return [[2, channels, side, side] for side in dict.fromkeys(sides)]


class Pair:
    """The old and the new model with the same weights, which training has moved.

    Each forward takes as long as all else together, so what one of them showed is kept for the next checks.
    """

    def __init__(
        self,
        before: Any,
        after: Any,
        rows: Sequence[NewRow],
        moved: Sequence[int],
        shapes: List[List[int]],
        *,
        share: bool,
    ) -> None:
        self.before, self.after = before, after
        self.rows, self.moved = rows, moved
        self.shape, self.larger = shapes[0], shapes[1:]
        self.passing: Any = (
            None  # what the new model gives in eval whose new rows pass on what they are fed
        )
        self.given: Any = None  # and with them
        self.fed: Dict[int, Tuple[Any, ...]] = {}  # what each layer is fed then
        self.fed_to_head: Any = None
        perturb([slot for slot in slots(before) if not is_drawn(slot)], 1.0, 1)
        self.shared = take_over(before, after, moved, rows, share=share)
        for block in blocks_of(after, rows):
            perturb(slots(block), 1.0, 2)
        self.convolutions = Convolutions()
        self.know_weights()

    def know_weights(self) -> None:
        """That what a convolution with a shared weight gives is not computed for the other model again."""
        self.convolutions.know([one.old.tensor for one in self.shared])

    def check_left(self) -> None:
        """Refuse what was shown where a forward wrote to weights that the two models share."""
        if any(one.is_written() for one in self.shared):
            raise Unclear

    def state(self) -> List[Tuple[Snapshot, FrozenSet[str]]]:
        """What training moves, and the new rows' weights, but not the weights that are shared."""
        kept = []
        for model, slots_of in ((self.before, "old"), (self.after, "new")):
            shared = [getattr(one, slots_of) for one in self.shared]
            values = {slot.path: slot.tensor.detach() for slot in shared}
            kept.append((Snapshot(model, values), frozenset(values)))
        return kept

    def restore(self, kept: List[Tuple[Snapshot, FrozenSet[str]]]) -> None:
        for snapshot, shared in kept:
            snapshot.restore(shared)

    def image(self, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(self.shape, generator=generator)

    def run(self, model: Any, mode: str, seed: int = 0, images: Optional[int] = None) -> Any:
        """What a model gives in a mode, from the same random state; its statistics move in train."""
        model.train(mode == "train")
        seed_all(seed)
        with self.convolutions.reused(lasting=False):
            return model(self.image(seed)[:images])

    def original(self, mode: str) -> Any:
        """What the old model gives, on the smallest image on which it runs."""
        while True:
            try:
                with torch.no_grad():
                    return frozen(self.run(self.before, mode))
            except Exception as error:
                if mode == "eval" and self.larger:
                    self.shape = self.larger.pop(0)
                    continue
                what = "the model of the YAML as it is, in %s" % mode
                raise failure_of("does-not-run", error, what) from error

    def edited(self, mode: str, check: str, seed: int = 0) -> Any:
        try:
            return self.run(self.after, mode, seed)
        except Exception as error:
            failure = failure_of("does-not-run", error, "the edited model")
            raise CheckFailed(check, failure.report["message"], mode) from error

    def check_strides(self) -> None:
        strides = [getattr(model, "stride", None) for model in (self.before, self.after)]
        if difference(frozen(strides[0]), frozen(strides[1])) is not None:
            raise CheckFailed("elsewhere", "The strides are %s, not %s." % (strides[1], strides[0]))

    def check_elsewhere(self, mode: str) -> None:
        """Without the blocks the outputs are the old ones, bit for bit."""
        self.know_weights()
        expected = self.original(mode)
        with torch.no_grad(), without_blocks(self.after, self.rows, self.before):
            found = frozen(self.edited(mode, "elsewhere"))
        differs = difference(expected, found)
        if differs is not None:
            message = "With the new rows passing on what they are fed, %s."
            raise CheckFailed("elsewhere", message % differs, mode)
        if mode == "eval":
            self.passing = found

    def check_position(self) -> None:
        """Each new row runs once, on the very tensors of its sources; its readers are fed its output."""
        fed: Dict[int, List[Tuple[Any, ...]]] = {}
        gave: Dict[int, List[Any]] = {}
        handles = []

        def before(number: int) -> Callable[[Any, Any], None]:
            # Heads write into the list that they are fed.
            return lambda module, inputs: fed.setdefault(number, []).append(
                (listed(inputs[0]), *inputs[1:])
            )

        def after(number: int) -> Callable[[Any, Any, Any], None]:
            return lambda module, inputs, output: gave.setdefault(number, []).append(output)

        image: List[torch.Tensor] = []
        layers = layers_of(self.after)
        for number, layer in enumerate(layers):
            handles.append(layer.register_forward_pre_hook(before(number)))
            handles.append(layer.register_forward_hook(after(number)))
        handles.append(
            self.after.register_forward_pre_hook(lambda module, inputs: image.append(inputs[0]))
        )
        handles.append(layers[-1].register_forward_pre_hook(self.keep_for_head))
        try:
            with torch.no_grad():
                self.given = frozen(self.edited("eval", "position"))
        finally:
            for handle in handles:
                handle.remove()
        self.fed = {number: calls[0] for number, calls in fed.items()}
        for row in self.rows:
            index = row["index"]
            name = "model.%d" % index
            if len(fed.get(index, ())) != 1:
                message = "%s runs %d times in one forward."
                raise CheckFailed("position", message % (name, len(fed.get(index, ()))))
            for number, source in enumerate(row["sources"]):
                expected = image[0] if source == -1 else gave[source][0]
                if not any(one is expected for one in fed[index][0][0][number : number + 1]):
                    message = "%s is not fed what model.%d gives."
                    raise CheckFailed("position", message % (name, source))
            for number in fed:
                reads = any(one is gave[index][0] for one in fed[number][0][0])
                if reads != (number in row["readers"]):
                    what = "is fed" if reads else "is not fed"
                    message = "model.%d %s the output of %s."
                    raise CheckFailed("position", message % (number, what, name))

    def keep_for_head(self, module: nn.Module, inputs: Any) -> None:
        self.fed_to_head = frozen(inputs[0])

    def check_survives(self, builder: Builder) -> None:
        """What trainers do: build anew from `model.yaml` for other classes, copy, pickle."""
        kinds = [type(block) for block in blocks_of(self.after, self.rows)]
        again = dict(self.after.yaml)
        again["nc"] = int(again.get("nc") or 80) + 1
        anew = built(lambda: builder.layers(again), "building from model.yaml", edited=True)
        copied = copied_but_for_weights(self.after)
        try:
            read: Any = pickled_and_read(self.after)
        except Exception as error:
            raise CheckFailed("builds", "The edited model does not pickle: %s." % error) from error
        for layers in (anew, layers_of(copied), layers_of(read)):
            found = [type(layers[row["index"]]) for row in self.rows]
            if found != kinds:
                raise CheckFailed("builds", "A model that is built anew lacks the block.")

    def check_fused(self) -> List[str]:
        """Fused for inference, the new model gives what it gave; where heads then give another form, what the old
        one gives that is fused, too, without the blocks."""
        if not hasattr(self.before, "fuse"):
            return []
        after = self.after.eval()
        kept = blocks_of(after, self.rows)
        with torch.no_grad():
            try:
                fuse(after)
            except Exception as error:
                self.fuse_original(error)
                return ["The model does not fuse here: %s." % type(error).__name__]
            if any(one is not block for one, block in zip(blocks_of(after, self.rows), kept)):
                raise CheckFailed("position", "Fusing takes a new row out.")
            fed, gives = fused_run(after, self.image(0))
            check_close(self.fed_to_head, fed)
            if not is_close(self.given, gives):
                self.compare_fused()
        return []

    def fuse_original(self, error: Exception) -> None:
        """Refuse what fails to fuse where the old model fuses."""
        self.check_left()
        try:
            fuse(self.before.eval())
        except Exception:
            return
        failure = failure_of("does-not-build", error, "fusing the edited model")
        raise CheckFailed("builds", failure.report["message"]) from error

    def compare_fused(self) -> None:
        """Fused, the old model and the new one without blocks give the same."""
        self.check_left()
        fuse(self.before.eval())
        expected = frozen(self.run(self.before, "eval", images=1))
        with without_blocks(self.after, self.rows, self.before):
            found = frozen(self.run(self.after, "eval", images=1))
        differs = difference(expected, found)
        if differs is not None:
            raise CheckFailed("elsewhere", "Fused, without the new rows, %s." % differs, "eval")

    def check_consumed(self) -> None:
        """The outputs change by the blocks, and all their parameters get a gradient."""
        if difference(self.passing, self.given) is None and not self.changes_in_train():
            raise CheckFailed("consumed", "The new rows change no output.")
        waiting = {
            "model.%d.%s" % (row["index"], name): parameter
            for row, block in zip(self.rows, blocks_of(self.after, self.rows))
            for name, parameter in block.named_parameters()
        }
        for attempt in range(RETRIES):
            for mode in ("train", "eval"):
                if waiting:
                    self.drop_trained(waiting, mode, attempt)
            if not waiting:
                return
            for block in blocks_of(self.after, self.rows):
                perturb(slots(block), 1.0, 3 + attempt, lift=0.5)
        names = ", ".join(sorted(waiting)[:3])
        message = "The gradient of %s is zero or not finite, under %d inputs and weights."
        raise CheckFailed("consumed", message % (names, RETRIES), "train")

    def changes_in_train(self) -> bool:
        with torch.no_grad():
            with without_blocks(self.after, self.rows, self.before):
                expected = frozen(self.edited("train", "consumed"))
            return difference(expected, frozen(self.edited("train", "consumed"))) is not None

    def drop_trained(self, waiting: Dict[str, nn.Parameter], mode: str, seed: int) -> None:
        """Take those parameters out that get a good gradient in this run."""
        output = self.edited(mode, "consumed", seed)
        losses = [one for one in floats(leaves(output)) if one.requires_grad and finite([one])]
        if not losses:
            return
        parameters = list(waiting.values())
        total = random_sum(losses, seed)
        gradients = torch.autograd.grad(total, parameters, allow_unused=True)
        for name, gradient in zip(list(waiting), gradients):
            if gradient is not None and bool(torch.isfinite(gradient).all()):
                if bool((gradient != 0).any()):
                    del waiting[name]

    def batch_of_one(self) -> List[str]:
        """That the blocks do not train on a single image, which the model does without them."""
        self.after.train()
        with torch.no_grad():
            try:
                for row, block in zip(self.rows, blocks_of(self.after, self.rows)):
                    run_on_first(block, self.fed[row["index"]])
                return []
            except Exception as error:
                failed = error
            try:
                with without_blocks(self.after, self.rows, self.before):
                    self.after(self.image(0)[:1])
            except Exception:
                return []
        if not isinstance(failed, ValueError):
            failure = failure_of("does-not-run", failed, "the edited model, fed one image")
            raise CheckFailed("builds", failure.report["message"], "train") from failed
        message = "In train mode the new rows do not take a batch of one: %s"
        return [message % str(failed).splitlines()[0]]

    def macs(self) -> int:
        """Multiply-accumulates that the blocks add for one image, less those of what they replace."""
        total = 0
        self.after.eval()
        for row, block in zip(self.rows, blocks_of(self.after, self.rows)):
            total += macs_of(block, self.fed[row["index"]])
            if row["replaces"] is not None:
                old = layers_of(self.before)[row["replaces"]].eval()
                total -= macs_of(old, self.fed[row["index"]])
        return total


def macs_of(layer: Any, inputs: Tuple[Any, ...]) -> int:
    """Those of a layer for the first image of what it was fed."""
    with torch.no_grad(), cost.Counter() as counter:
        run_on_first(layer, inputs)
    return int(counter.macs)


def run_on_first(layer: Any, inputs: Tuple[Any, ...]) -> Any:
    """What a layer gives for the first image of what it was fed."""
    first = [one[:1] for one in inputs[0]]
    others = [one[:1] if isinstance(one, torch.Tensor) else one for one in inputs[1:]]
    return layer(first if isinstance(layer.f, (list, tuple)) else first[0], *others)


def is_drawn(slot: Slot) -> bool:
    """Whether a large weight has values that were drawn: no starting value hides a change."""
    large = slot.kind == "parameter" and slot.tensor.numel() >= DRAWN
    return large and bool(slot.tensor.detach().flatten()[: DRAWN // 8].std() > 0)


def listed(inputs: Any) -> List[Any]:
    return list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]


def copied_but_for_weights(model: Any) -> Any:
    """A copy as trainers make it, but for its weights, which stay where they are."""
    return copy.deepcopy(model, {id(one): one for one in model.parameters()})


def pickled_and_read(model: Any) -> Any:
    """A model, written and read as a checkpoint is, but for its tensors, which stay where they are."""
    tensors: List[torch.Tensor] = []

    class Writer(pickle.Pickler):
        def persistent_id(self, value: Any) -> Optional[int]:
            if not isinstance(value, torch.Tensor):
                return None
            tensors.append(value)
            return len(tensors) - 1

    class Reader(pickle.Unpickler):
        def persistent_load(self, number: Any) -> torch.Tensor:
            found: torch.Tensor = tensors[number]
            return found

    written = io.BytesIO()
    Writer(written, pickle.HIGHEST_PROTOCOL).dump(model)
    written.seek(0)
    return Reader(written).load()
