"""What is to be computed at one call of a layer, and the call site itself.

An `Insertion` says what is computed in terms of what the layer gives; `calls` and
`sequential_calls` find the form in which it is written.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from stitchgen.analysis.steps import Element, Step, access, free_name
from stitchgen.analysis.uses import Use
from stitchgen.source.document import Document, Span
from stitchgen.source.edits import Edit
from stitchgen.source.formatting import format_statements
from stitchgen.source.syntax import CallContext, Syntax

#: What an insertion's texts say for: what the layer gives (or, before it, is fed), what the layer
#: is fed, what runs beside the layer, and the module that has the block.
VALUE, FED, BRANCH, HERE = "__value__", "__fed__", "__branch__", "__here__"


@dataclass(frozen=True)
class Insertion:
    """What is computed at a call, and for which of the layers that are called there.

    `join` is an expression over VALUE, BRANCH and HERE that takes the place of the value; `branch`
    one over FED and HERE that takes the place of BRANCH. With `keeps`, the value itself goes on, and
    a variable of that name keeps it for later.
    """

    attribute: str
    before: bool = False  # the block stands in what the layer is fed, else behind what it gives
    to_called: tuple[Step, ...] = ()  # from the call's owner to the module that is called
    chain: tuple[Step, ...] = ()  # from there down to the layer
    join: str = f"{HERE}.block({VALUE})"
    branch: str = ""
    keeps: str = ""
    lines: tuple[str, ...] = ()  # statements over VALUE and HERE, in the place of all that
    #: Before: which argument (by number or name) and which element of it; None for the first.
    argument: tuple[int | str, int | None] | None = None
    element: Element | None = None  # of the tuple, list or dict that the layer gives
    block: str = ""  # the expression of the block, where a loop binds it to the layer's
    slot: bool = False  # other instances run this code with an empty slot
    empty: str = ""  # how the slot is empty: `nn.Identity`, or None for what is no serial block
    under: bool = False  # the block is a child of the layer: `layer.cbam`
    by_number: bool = False  # the container may be shorter in other configurations
    sequential: str = ""  # `nn.Sequential`, where not every instance has one around the layer
    overwritten: bool = False  # what is kept, or what the layer is fed, is written to in place

    @property
    def optional(self) -> bool:
        """Whether the code has to ask if the slot is filled."""
        return self.slot and not self.empty and not self.keeps

    def expression(self, here: str, value: str, fed: str = "", first: str | None = None) -> str:
        """What is computed; `first` stands for the value where it is evaluated first."""
        text = self.join.replace(BRANCH, self.branch).replace(HERE, here).replace(FED, fed)
        head, mark, rest = text.partition(VALUE)
        return head + (first or value if mark else "") + rest.replace(VALUE, value)

    def statement(self, here: str, name: str) -> str:
        """The same for a value that a variable has, which then has the result."""
        if self.lines:
            return "\n".join(self.lines).replace(HERE, here).replace(VALUE, name)
        if self.keeps:
            return f"{self.keeps} = {name}" + (".clone()" if self.overwritten else "")
        return f"{name} = {self.expression(here, name)}"


#: Insertions inside of a Sequential that is called, each with the way down to its layer.
Chained = Sequence[tuple[tuple[Step, ...], Insertion]]


class CallForm(ABC):
    """A way in which source code runs a layer, or a Sequential around it. Instances have no state.

    Each is a module of `forms` that binds `FORM`; the observer tells them apart when the model runs
    (`observer/tracing/call_sites.py`), `recognises` where a call is only read.
    """

    name: str  # as the observer reports it: a call site's `how`
    rank: int  # the order in which forms are tried on a use

    @abstractmethod
    def recognises(self, use: Use) -> Span | None:
        """The span of the call where a use runs the module in this form, else None."""

    @abstractmethod
    def called(self, node: ast.Call) -> ast.expr:
        """The expression of the module that is run, or of the Sequential whose slice is."""

    def run(self, node: ast.Call) -> ast.expr:
        """The expression of what is run: the module itself, or the slice."""
        return self.called(node)

    def arguments(self, node: ast.Call) -> list[ast.expr]:
        """What the module is fed, by position."""
        return node.args

    @abstractmethod
    def edit_inside(self, call: Call, chained: Chained) -> tuple[list[Edit], str]:
        """The edits, with their strategy, where the layers are children of the Sequential that is run."""


@dataclass(frozen=True)
class Call:
    """One call site, with all that is to be inserted there."""

    syntax: Syntax
    form: CallForm
    context: CallContext
    insertions: Sequence[Insertion]
    line_length: int

    @property
    def document(self) -> Document:
        return self.syntax.document

    @property
    def where(self) -> str:
        return f"{self.document.path}:{self.context.call.lineno}"

    @property
    def receiver(self) -> str:
        """What the module that owns the layer is called here: `self`, or `attn` in `attn.to_q(x)`."""
        for insertion in self.insertions:
            below = access("", insertion.to_called)
            if below and self.called_text.endswith(below):
                return self.called_text.removesuffix(below)
        return self.context.receiver

    @property
    def statement_span(self) -> Span:
        return self.document.span_of(self.context.statement)

    @property
    def indent(self) -> int:
        return len(self.document.indent_of(self.statement_span).expandtabs(4))

    def formatted(self, code: str) -> str:
        return format_statements(code, self.indent, self.line_length, self.document.quote)

    @cached_property
    def called_text(self) -> str:
        """The source text of the module that is called, or whose slice is: `self.features`, `blk`."""
        node = self.form.called(self.context.call)
        text = self.document.code(self.document.span_of(node))
        primary = isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call))
        return text if primary else f"({text})"

    @property
    def run_text(self) -> str:
        """The source text of what is run: `self.features`, or `self.features[:5]`."""
        if not self.sliced:
            return self.called_text
        return self.document.code(self.document.span_of(self.form.run(self.context.call)))

    @property
    def sliced(self) -> bool:
        """Whether a part of the Sequential is run, and not all of it."""
        node = self.context.call
        return self.form.run(node) is not self.form.called(node)

    def holder(self, insertion: Insertion) -> str:
        """The expression of the module that has the block, or of the block itself."""
        if insertion.block:
            return insertion.block
        return self.called_text if insertion.under else self.receiver

    def condition(self, insertion: Insertion) -> str | None:
        """`blk is self.blocks[5]` where the call's function is a variable, else None.

        A block under the layer is recognised by its being there, one in a slot by its being filled.
        """
        if insertion.block:
            found: list[str] = []
        elif insertion.under:
            found = [f'hasattr({self.called_text}, "{insertion.attribute}")']
        else:
            found = self.identity(insertion)
        if insertion.optional:
            found.append(f"{self.receiver}.{insertion.attribute} is not None")
        return " and ".join(found) or None

    def identity(self, insertion: Insertion) -> list[str]:
        """The conditions under which a variable is the module meant; none where that is written out."""
        text = self.called_text
        if any(same_expression(text, way) for way in self.ways(insertion)):
            return []
        steps = insertion.to_called
        longer = self.long_enough(insertion) if insertion.by_number else []
        if insertion.by_number and not longer and steps:
            # By its name, which no attribute may have in other configurations.
            owner = access(self.receiver, steps[:-1])
            return [f'{text} is getattr({owner}, "{steps[-1].name}", None)']
        return [*longer, f"{text} is {access(self.receiver, steps)}"]

    def ways(self, insertion: Insertion) -> list[str]:
        """How the layer may be written: `self.blocks[5]`, and `self.blocks[-1]` if it is the last."""
        found = [self.receiver]
        for step in insertion.to_called:
            texts = [step.access if step.writable else None]
            if step.last and step.access.startswith("[") and step.parent != "dict":
                texts.append("[-1]")
            found = [
                f"{start}{text}" if text is not None else access(start, (step,))
                for start in found
                for text in texts
            ]
        return found

    def long_enough(self, insertion: Insertion) -> list[str]:
        """That the lists on the way hold so many layers: in other configurations they are shorter."""
        steps = insertion.to_called
        return [
            f"len({access(self.receiver, steps[:depth])}) > {step.index}"
            for depth, step in enumerate(steps)
            if step.access.startswith("[") and step.parent != "dict"
        ]

    @cached_property
    def taken(self) -> set[str]:
        names = self.syntax.names_bound_in(self.context.function or self.syntax.tree)
        return names | {insertion.keeps for insertion in self.insertions}

    def free_name(self, *preferred: str) -> str:
        first = next((name for name in preferred if name not in self.taken), preferred[0])
        return free_name(first, self.taken)


def same_expression(one: str, other: str) -> bool:
    try:
        first, second = (ast.dump(ast.parse(text, mode="eval")) for text in (one, other))
    except SyntaxError:
        return False
    return first == second


def exchange(call: Call, insertion: Insertion, here: str, name: str) -> str:
    """The statement that exchanges the element of the result that a variable has."""
    element = insertion.element
    assert element is not None
    picked = f"{name}[{quoted(call, element)}]"
    value = insertion.expression(here, picked)
    if element.kind == "tuple":
        return f"{name} = {exchanged(name, element, value)}"
    return f"{picked} = {value}"


def exchanged(name: str, element: Element, value: str) -> str:
    """A tuple, list or dict like the one that the variable has, with the element's new value."""
    if element.kind == "dict":
        return f"{{**{name}, {element.text}: {value}}}"
    items = with_rest(name, element, value)
    if element.kind == "list":
        return f"[{', '.join(items)}]"
    return f"({', '.join(items)}{',' if len(items) == 1 else ''})"


def with_rest(name: str, element: Element, value: str) -> list[str]:
    """The elements of a tuple with one of them exchanged: `out[0]`, `*out[:1]`, `*out[2:]`."""
    number = int(element.key)
    before = [] if number == 0 else [f"*{name}[:{number}]" if number > 1 else f"{name}[0]"]
    left = element.length - number - 1
    after = (
        [] if left == 0 else [f"*{name}[{number + 1}:]" if left > 1 else f"{name}[{number + 1}]"]
    )
    return [*before, value, *after]


def quoted(call: Call, element: Element) -> str:
    """The key with the quotes of the file."""
    if call.document.quote == '"' and element.text.startswith("'") and '"' not in element.text:
        return f'"{element.text[1:-1]}"'
    return element.text
