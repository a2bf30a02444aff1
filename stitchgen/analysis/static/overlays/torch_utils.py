"""What the parts of torch give that are about running a model: checkpoints, scripting, tracing."""

from __future__ import annotations

from stitchgen.analysis.static.interpreter import Interpreter
from stitchgen.analysis.static.overlays.table import Handler
from stitchgen.analysis.static.values import Known, Unknown, Value


def _checkpoint(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    if not arguments:
        return Unknown()
    extra = {"use_reentrant", "preserve_rng_state", "context_fn"}
    kept = {k: v for k, v in keywords.items() if k not in extra}
    return machine.call(arguments[0], arguments[1:], kept)


def _second(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """What `typing.cast` and its like give back."""
    return arguments[1] if len(arguments) > 1 else Unknown()


def _false(machine: Interpreter, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    return Known(False)


FUNCTIONS: dict[str, Handler] = {
    "torch.utils.checkpoint.checkpoint": _checkpoint,
    "torch.jit.annotate": _second,
    "torch.jit.is_scripting": _false,
    "torch.jit.is_tracing": _false,
    "torch.onnx.is_in_onnx_export": _false,
    "torch.compiler.is_compiling": _false,
}
