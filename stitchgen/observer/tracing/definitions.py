"""Where layers are created: the frames in which a module was given a child.

Every way in which a module takes a child is wrapped while models are built.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Type, cast

from torch import nn

from stitchgen.observer.tracing.frames import kind_of_file

#: Registers a child: `Module.__setattr__`, `add_module`, `register_module`.
Register = Callable[[nn.Module, str, Any], None]
#: `ModuleList.insert`.
Insert = Callable[[nn.ModuleList, int, nn.Module], None]


class RegisteringFrame(NamedTuple):
    """A frame of the user's code that was running when a child was registered."""

    file: str
    line: int
    function: str
    first_line: int
    receiver: Optional[nn.Module]  # the first argument, where that is a module


#: The frames of one registration, innermost first.
Frames = List[RegisteringFrame]


class Definitions:
    """Records who registered which child module, and from where, while models are built.

    A context manager: it records from its start to its end.
    """

    def __init__(self) -> None:
        #: By the parent's id and the child's name; the last registration wins.
        self.events: Dict[Tuple[int, str], Frames] = {}
        #: By the parent's class, for deep copies.
        self.by_class: Dict[Tuple[Type[nn.Module], str], Frames] = {}
        #: Strong references, so that no id is used twice.
        self.kept: List[Tuple[nn.Module, nn.Module]] = []

    def __enter__(self) -> Definitions:
        self.saved: Dict[Tuple[Type[nn.Module], str], object] = {}
        for name in ("__setattr__", "add_module", "register_module"):
            original: Optional[Register] = getattr(nn.Module, name, None)
            if original is not None:
                self.saved[nn.Module, name] = original
                wrapped = self.wrap_setattr if name == "__setattr__" else self.wrap_register
                setattr(nn.Module, name, wrapped(original))
        insert = cast(Insert, nn.ModuleList.insert)
        self.saved[nn.ModuleList, "insert"] = insert
        setattr(nn.ModuleList, "insert", self.wrap_insert(insert))  # noqa: B010
        return self

    def __exit__(self, *exception: object) -> None:
        for (owner, name), original in self.saved.items():
            setattr(owner, name, original)

    def wrap_setattr(self, original: Register) -> Register:
        definitions = self

        def setattr_with_record(parent: nn.Module, name: str, value: Any) -> None:
            original(parent, name, value)
            if isinstance(value, nn.Module):
                definitions.record(parent, name, value, sys._getframe(1))

        return setattr_with_record

    def wrap_register(self, original: Register) -> Register:
        definitions = self

        def register_with_record(parent: nn.Module, name: str, module: Any) -> None:
            original(parent, name, module)
            if module is not None:
                definitions.record(parent, name, module, sys._getframe(1))

        return register_with_record

    def wrap_insert(self, original: Insert) -> Insert:
        definitions = self

        def insert(parent: nn.ModuleList, index: int, module: nn.Module) -> None:
            original(parent, index, module)
            for name, child in parent._modules.items():
                if child is module:
                    definitions.record(parent, name, child, sys._getframe(1))

        return insert

    def record(self, parent: nn.Module, name: str, child: nn.Module, start: FrameType) -> None:
        frames: Frames = []
        frame: Optional[FrameType] = start
        while frame is not None:
            code = frame.f_code
            kind = kind_of_file(code.co_filename)
            if kind == "user":
                receiver = None
                if code.co_varnames and code.co_argcount:
                    receiver = frame.f_locals.get(code.co_varnames[0])
                    if not isinstance(receiver, nn.Module):
                        receiver = None
                frames.append(
                    RegisteringFrame(
                        code.co_filename,
                        frame.f_lineno,
                        code.co_name,
                        code.co_firstlineno,
                        receiver,
                    )
                )
            elif kind == "observer" and code.co_name == "evaluate":
                break  # what evaluates the expression that builds the model
            frame = frame.f_back
        self.kept.append((parent, child))
        self.events[id(parent), name] = frames
        self.by_class[type(parent), name] = frames

    def of(self, parent: nn.Module, name: str) -> Optional[Frames]:
        """The frames of the event that put the child `name` into `parent`, or None."""
        frames = self.events.get((id(parent), name))
        return self.by_class.get((type(parent), name)) if frames is None else frames
