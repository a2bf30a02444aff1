"""Build the user's model, find an input that it takes, and run it."""

from __future__ import annotations

import ast
import contextlib
import warnings
from typing import Any, List, Optional, Protocol, Sequence, Set, Tuple

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from stitchgen.observer import inputs as model_inputs
from stitchgen.observer import memory, no_cuda, weights
from stitchgen.observer.failure import Failure, exit_of, failure_of
from stitchgen.observer.inputs import Source
from stitchgen.observer.meta_device import PlainShapes, fills_left_out, moves_left_out
from stitchgen.observer.modes import as_module, set_mode
from stitchgen.observer.tensors.noise import quick_fills
from stitchgen.observer.tensors.randomness import seed_all
from stitchgen.observer.written_inputs import written_inputs

#: Where to try a model: the meta device gives shapes cheaply, from torch 2.1 on. None: the CPU.
DEVICES: List[Optional[str]] = ["meta", None] if hasattr(torch, "get_default_device") else [None]
#: The expressions whose models were seen to run on the meta device.
RAN_ON_META: Set[str] = set()


class Evaluator(Protocol):
    """Evaluates an expression of the user's, as a project does."""

    absent_weights: List[str]

    @property
    def written(self) -> ast.Module:
        """The model file, without an edit."""

    def evaluate(self, expression: str) -> Any: ...


class Recorder(Protocol):
    """Records runs: what `begin` is called before."""

    def begin(self, mode: Optional[str]) -> None: ...


def build(project: Evaluator, expression: str, device: Optional[str] = None) -> nn.Module:
    """The model that the expression builds, from a fixed seed.

    Pretrained weights that are not on this machine are left random, and the project notes their names.
    Raises `Failure`: does-not-build, not-a-model.
    """
    try:
        return built(project, expression, device)
    except Failure as failure:
        if failure.__cause__ is not None and no_cuda.stand_in_for(failure.__cause__):
            return build(project, expression, device)
        if failure.__cause__ is None or not weights.may_lack_weights(failure.__cause__):
            raise
        absent: List[str] = []
        try:
            with weights.left_random(absent):
                model = built(project, expression, device)
        except Failure:
            raise failure from None
        if not absent:
            raise
        project.absent_weights = absent
        return model


def built(project: Evaluator, expression: str, device: Optional[str]) -> nn.Module:
    seed_all(0)
    if device is None and expression in memory.SIZES:
        memory.check_fits(expression, memory.SIZES[expression])
    try:
        if device is not None:
            with torch.device(device), fills_left_out(), moves_left_out():
                model = project.evaluate(expression)
        else:
            with quick_fills(0):
                model = project.evaluate(expression)
    except SystemExit as error:
        raise exit_of("does-not-build", error, expression) from None
    except Exception as error:
        raise failure_of("does-not-build", error, "%s does not build" % expression) from error
    model = as_module(model)
    if not isinstance(model, nn.Module):
        kind = type(model).__name__
        failure = Failure("not-a-model", "%s gives a %s, not an nn.Module" % (expression, kind))
        failure.report["models"] = models_in(expression, model)
        raise failure
    if device == "meta":
        memory.SIZES[expression] = memory.size_of(model)
    return model


def models_in(expression: str, value: Any) -> List[str]:
    """The expressions of the elements of a tuple, list or dictionary that are models: `build()[1]`."""
    if isinstance(value, dict):
        pairs: List[Any] = list(value.items())
    else:
        pairs = list(enumerate(value)) if isinstance(value, (tuple, list)) else []
    return ["%s[%r]" % (expression, key) for key, part in pairs if isinstance(part, nn.Module)]


def to_device(value: Any, device: str) -> Any:
    """The value with all tensors in its tuples, lists and dicts on the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, (tuple, list)):
        return type(value)(to_device(item, device) for item in value)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    return value


def run(
    model: nn.Module,
    source: Source,
    device: Optional[str] = None,
    number: int = 0,
    batch: Optional[int] = None,
) -> Any:
    """One forward, without gradients, on the source's input of that number.

    `tracing` knows this function by its name: what it calls is the model itself.
    """
    args, kwargs = source.make(number, batch)
    if device is not None:
        args, kwargs = to_device(args, device), to_device(kwargs, device)
    seed_all(number)
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        if device is not None:
            stack.enter_context(PlainShapes())  # type: ignore[no-untyped-call]
            stack.enter_context(moves_left_out())
        return model(*args, **kwargs)


def first_layer(model: nn.Module, source: Source, device: Optional[str]) -> Optional[nn.Module]:
    """The first layer with weights that a forward on the source calls, whether it takes what it is fed or not."""
    found: List[nn.Module] = []

    def note(module: nn.Module, _: object) -> None:
        if next(module.children(), None) is None and module._parameters:
            found.append(module)

    hook = register_module_forward_pre_hook(note)
    try:
        with contextlib.suppress(Exception, SystemExit):
            run(model, source, device)
    finally:
        hook.remove()
    return found[0] if found else None


def better_guesses(
    project: Evaluator, model: nn.Module, source: Source, device: Optional[str]
) -> List[model_inputs.Shapes]:
    """What the model file itself feeds to models, and what the layer takes that runs first: the one that is registered
    first is often another."""
    reached = first_layer(model, source, device)
    after = [] if reached is None else model_inputs.guesses(model, reached)
    return [*written_inputs(project.written, model_inputs.count_of(model)), *after]


def find_input(
    project: Evaluator,
    model: nn.Module,
    given: Sequence[str],
    device: Optional[str] = None,
    recorder: Optional[Recorder] = None,
) -> Source:
    """The input that the model takes: the given one, else the first guess that runs, in eval.

    The recorder then holds that run alone. Raises `Failure`: bad-argument, does-not-run.
    """
    set_mode(model, training=False)
    candidates: Sequence[Source]
    if given:
        source: Source = given_source(project, given)
        unpacked = model_inputs.Given(given, project.evaluate, unpacked=True)
        candidates = [source, unpacked] if len(given) == 1 and not source.shapes else [source]
    else:
        candidates = model_inputs.guesses(model)
    first: Optional[Tuple[Source, Exception]] = None
    waiting = list(candidates)
    while waiting:
        source = waiting.pop(0)
        try:
            if recorder is not None:
                recorder.begin("eval")
            run(model, source, device)
            return source
        except SystemExit as error:
            raise exit_of("does-not-run", error, "the forward pass") from None
        except Exception as error:
            if no_cuda.stand_in_for(error):
                return find_input(project, model, given, device, recorder)
            if source is candidates[0] and not given:
                better = better_guesses(project, model, source, device)
                known = [one.shapes for one in better]
                waiting = [one for one in better if one.shapes != source.shapes]
                waiting += [one for one in candidates[1:] if one.shapes not in known]
                if known and source.shapes not in known:
                    continue  # what it failed with says nothing of the model
            first = first or (source, error)
    assert first is not None
    tried = "input " if given else "an input guessed as "
    prefix = "the model does not run on %s%s" % (tried, first[0].describe())
    failure = failure_of("does-not-run", first[1], prefix)
    failure.report["takes"] = model_inputs.takes(model)
    if not given:
        failure.report["guessed"] = first[0].describe()
    raise failure


def given_source(
    project: Evaluator, given: Sequence[str], option: str = "--input"
) -> model_inputs.Given:
    """The input that the user gives; raises `Failure`: bad-argument."""
    try:
        source = model_inputs.Given(given, project.evaluate)
    except SyntaxError as error:
        message = "%s %s is neither a shape nor a Python expression" % (option, error.text)
        raise Failure("bad-argument", message) from None
    try:
        source.make(0)
    except Exception as error:
        raise failure_of("bad-argument", error, "%s %s" % (option, source.describe())) from error
    return source


def source_in_train(project: Evaluator, given: Sequence[str], source: Source) -> Source:
    """What the model takes in train mode: what is given for it, else the same as in eval."""
    return given_source(project, given, "--input-train") if given else source


def train_batch(source: Source) -> Optional[int]:
    """Batch statistics need more than one sample; None leaves the batch as it is given."""
    shapes = source.shapes
    return 2 if shapes and all(sizes and sizes[0] == 1 for sizes, _ in shapes) else None
