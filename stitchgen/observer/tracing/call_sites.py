"""Where in the user's source a layer is called, seen from the frames that run its forward."""

from __future__ import annotations

import ast
from types import FrameType
from typing import Dict, List, NamedTuple, Optional

from torch import nn

from stitchgen.observer.protocol import SiteOfCall
from stitchgen.observer.tracing.call_expressions import Sources
from stitchgen.observer.tracing.frames import kind_of_file, owner_of, real
from stitchgen.observer.tracing.reading import evaluate_pure

#: The name of the wrapper that `calls` puts in place of a forward.
WRAPPER = "forward_with_record"


class CallSites:
    """Finds call sites of the modules of one model; `paths` are theirs, by id."""

    def __init__(self, paths: Dict[int, str], sources: Sources) -> None:
        self.paths = paths
        self.sources = sources

    def find(self, module: nn.Module, start: FrameType) -> SiteOfCall:
        """The call site of `module`, seen from the frame that called its forward."""
        chain: List[str] = []
        called = module
        checkpointed = False
        frame: Optional[FrameType] = start
        while frame is not None:
            code = frame.f_code
            kind = kind_of_file(code.co_filename)
            if kind == "user":
                break
            if kind == "observer" and code.co_name == "run":
                return {"how": "top"}  # the model itself is what runs the layer
            if kind == "torch":
                receiver = frame.f_locals.get("self")
                if code.co_name == "forward" and isinstance(receiver, nn.Module):
                    if not isinstance(receiver, nn.Sequential):
                        return {"how": "package", "file": code.co_filename, "line": frame.f_lineno}
                    name = name_in(receiver, called)
                    if name is None:
                        return {"how": "unknown", "file": code.co_filename, "line": frame.f_lineno}
                    chain.insert(0, name)
                    called = receiver
                elif code.co_filename.endswith("checkpoint.py"):
                    checkpointed = True
            frame = frame.f_back
        if frame is None:
            return {"how": "top"}
        return self.describe(frame, called, chain, checkpointed=checkpointed)

    def describe(
        self, frame: FrameType, called: nn.Module, chain: List[str], *, checkpointed: bool
    ) -> SiteOfCall:
        """The site in a frame of the user's that calls `called`, the outermost Sequential."""
        code = frame.f_code
        site: SiteOfCall = {
            "how": "unresolved",
            "file": real(code.co_filename),
            "line": frame.f_lineno,
            "function": code.co_name,
            "chain": chain,
            "through": ["checkpoint"] if checkpointed else [],
        }
        owner = owner_of(frame)
        if owner is not None:
            site["owner"] = self.paths.get(id(owner))
            site["owner_class"] = type(owner).__qualname__
            site["called"] = path_below(owner, called)
        match = Match(called, checkpointed)
        found = self.sources.call_at(frame, match.how)
        if found is None:
            return site
        node = found.node
        how = found.how
        if how == "slice":
            container = evaluate_pure(sliced(node.func), frame)
            site["called"] = path_below(owner, container) if owner is not None else None
            site["part"] = list(called._modules)  # a slice keeps the names
            if site["called"] is None or len(set(container)) < len(container):
                how = "unresolved"
        if how == "segments" and owner is not None:
            container = match.container(frame, node)
            assert container is not None
            site["called"] = path_below(owner, container)
        site["how"] = how
        site["function"] = found.function
        site["span"] = [
            node.lineno,
            node.col_offset,
            node.end_lineno or node.lineno,
            node.end_col_offset or node.col_offset,
        ]
        return site


class Match(NamedTuple):
    """How a call expression may run a module: called itself, or given to a checkpoint."""

    called: nn.Module
    checkpointed: bool

    def how(self, frame: FrameType, call: ast.Call) -> Optional[str]:
        """`call`, `slice`, `forward`, `argument`, `segments`; None where the call does not run the module."""
        value = evaluate_pure(call.func, frame)
        if value is self.called:
            return "call"
        if is_slice(call.func) and same_children(value, self.called):
            return "slice"
        name = getattr(value, "__name__", None)
        if name == "forward" and getattr(value, "__self__", None) is self.called:
            return "forward"
        if isinstance(call.func, ast.Attribute):
            if name == WRAPPER or call.func.attr == "__call__":
                if evaluate_pure(call.func.value, frame) is self.called:
                    return "forward"
        if self.checkpointed:
            for argument in call.args:
                if evaluate_pure(argument, frame) is self.called:
                    return "argument"
            if self.container(frame, call) is not None:
                return "segments"
        return None

    def container(self, frame: FrameType, call: ast.Call) -> Optional[nn.Sequential]:
        """The Sequential whose child the module is, where `checkpoint_sequential` runs it."""
        name = getattr(evaluate_pure(call.func, frame), "__name__", None)
        if name != "checkpoint_sequential" or not call.args:
            return None
        for given in layers_given(call.args[0]):
            value = evaluate_pure(given, frame)
            if isinstance(value, nn.Sequential) and name_in(value, self.called) is not None:
                return value
        return None


def layers_given(node: ast.expr) -> List[ast.expr]:
    """The Sequentials whose layers an expression lists: `a` of `a`, `a` and `b` of `[*a[:2], x, *b]`."""
    if not isinstance(node, ast.List):
        return [node]
    unpacked = [element.value for element in node.elts if isinstance(element, ast.Starred)]
    return [sliced(part) if is_slice(part) else part for part in unpacked]


def is_slice(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


def sliced(node: ast.expr) -> ast.expr:
    """`self.features` in `self.features[1:3]`."""
    assert isinstance(node, ast.Subscript)
    return node.value


def same_children(one: object, other: object) -> bool:
    """Whether two slices of a Sequential are the same: each evaluation makes a new Sequential."""
    if not isinstance(one, nn.Sequential) or not isinstance(other, nn.Sequential):
        return False
    return list(one.named_children()) == list(other.named_children())


def name_in(parent: nn.Module, child: nn.Module) -> Optional[str]:
    """The first name under which a module has a child."""
    for name, module in parent._modules.items():
        if module is child:
            return name
    return None


def path_below(owner: nn.Module, module: object) -> Optional[str]:
    """The path of `module` relative to `owner` ('' for itself), or None where there is none."""
    path: str
    for path, candidate in owner.named_modules():
        if candidate is module:
            return path
    return None
