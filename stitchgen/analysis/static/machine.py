"""Runs `__init__`s and `forward`s abstractly: values, names and branches, nothing of torch.

The rules stand one on the other, a file each, and each file says what it takes from those above
it: the heap, the interface that the tables of other packages know, frames, names, attributes,
calls, expressions, statements.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from stitchgen.analysis.static.frames import Frame
from stitchgen.analysis.static.statements import Statements
from stitchgen.analysis.static.values import (
    ClassRef,
    Function,
    Opaque,
    Param,
    Ref,
    Spread,
    Unknown,
    Value,
)

#: What is made of an argument before an `__init__` is run with it.
Change = Callable[["Machine", Value], Value]


class Machine(Statements):
    """All the rules, and how an `__init__` is read."""

    def initialise_root(
        self,
        ref: Ref,
        kind: ClassRef,
        arguments: Sequence[Value] | None,
        keywords: dict[str, Value],
        change: Change | None = None,
    ) -> None:
        """Run an `__init__` with each parameter known by its own name, and changed.

        Without arguments every parameter is a symbol.
        """
        owner, node = self.class_attribute(kind, "__init__") or (kind, None)
        if not isinstance(node, ast.FunctionDef):
            self.initialise(ref, kind, arguments or (), keywords)
            return
        frame = Frame(self.new("frame"), owner.scope, f"{owner.name}.__init__")
        parameters = [*node.args.posonlyargs, *node.args.args][1:]
        named = [*parameters, *node.args.kwonlyargs]
        if arguments is None:
            values = {p.arg: Opaque(term=Param(p.arg)) for p in named}
            spread: list[Value] = [Spread()] if node.args.vararg else []
            rest = {"**": Unknown()} if node.args.kwarg else {}
            positional = [values.pop(p.arg) for p in parameters] + spread
            function = Function(node, owner.scope, own=ref, owner=owner.name)
            self.call_function(function, positional, {**values, **rest})
            return
        function = Function(node, owner.scope, own=ref, owner=owner.name)
        made = self.defaults_of(function)
        self.bind_arguments(node.args, [ref, *arguments], keywords, frame, made)
        given = {p.arg: self.get(frame.id, p.arg) for p in named}
        if change is not None:
            given = {name: change(self, value) for name, value in given.items()}
        values = {name: value.having(Param(name)) for name, value in given.items()}
        more: list[Value] = []
        if node.args.vararg is not None:
            more = [
                v.having(None) for v in self.items(self.get(frame.id, node.args.vararg.arg)) or ()
            ]
        extra: dict[str, Value] = {}
        if node.args.kwarg is not None:
            items = self.items(self.get(frame.id, node.args.kwarg.arg))
            extra = {"**": Unknown()} if items is None else {k: v.having(None) for k, v in items}
        if change is not None:
            more = [change(self, value) for value in more]
            extra = {name: change(self, value) for name, value in extra.items()}
        positional = [values.pop(p.arg) for p in parameters]
        self.call_function(function, [*positional, *more], {**values, **extra})
