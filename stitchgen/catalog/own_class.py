"""The user's own class as a BLOCK: `model/attention/emsa.py::EMSA`, imported and not rendered.

Its constructor is read; which argument takes the channel count is known by its name, or given with
`--set`.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stitchgen.catalog.block import Block, Input, Parameter, snake_case
from stitchgen.errors import StitchError
from stitchgen.project.modules import find_file
from stitchgen.project.transaction import read_bytes

#: Names under which public code takes the channels that come in, and those that go out.
IN = (
    *("channels", "in_channels", "channel", "in_channel", "dim", "in_dim", "c", "ch", "c1", "inp"),
    *("in_planes", "inplanes", "planes", "in_features", "num_features", "features", "in_ch"),
    *("embed_dim", "d_model", "hidden_dim", "num_channels", "n_channels", "nc", "in_chs", "k_in"),
)
OUT = (
    *("out_channels", "out_channel", "out_dim", "c2", "oup", "out_planes", "outplanes"),
    *("out_features", "out_ch", "out_chs", "outp"),
)


@dataclass(frozen=True)
class OwnParameter(Parameter):
    """An argument whose role was read from its name, not from a catalog's head."""

    role: str | None = None

    @property
    def fact(self) -> str | None:
        return self.role


def is_own(text: str) -> bool:
    return "::" in text


def read_own(text: str, folders: Sequence[Path]) -> Block:
    """The block that `FILE::CLASS` names; refuses a file or class that is not there."""
    file_text, _, class_name = text.partition("::")
    file = find_file(file_text, tuple(folders))
    try:
        tree = ast.parse(read_bytes(file))
    except SyntaxError as error:
        raise StitchError(
            "syntax-error",
            f"{file_text} does not parse: {error.msg}",
            where=f"{file_text}:{error.lineno}",
        ) from error
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if class_name not in classes:
        raise StitchError(
            "block-not-found",
            f"{file_text} defines no class {class_name or '(none was named)'}",
            where=f"{file_text}:1",
            suggestions=[f"{file_text}::{name}" for name in classes][:6],
        )
    parameters = parameters_of(classes, class_name)
    return Block(
        name=snake_case(class_name).replace("_", "-"),
        class_name=class_name,
        title=class_name,
        title_zh="",
        family="own",
        summary=ast.get_docstring(classes[class_name]) or "",
        formula=None,
        fits="",
        caution=None,
        code=None,
        oracle="none",
        paper={},
        layouts=("any",),
        dims=(1, 2, 3),
        generic=True,
        channels="same",
        size="same",
        hidden=None,
        parameters=parameters,
        inputs_=(Input("x", None),),
        variadic=False,
        replaces=(),
        parameter_free=False,
        random=False,
        identity=False,
        data_dependent=False,
        export=False,
        onnx=False,
        needs=(),
        example={},
        cost={},
        template=file,
    )


def parameters_of(classes: dict[str, ast.ClassDef], class_name: str) -> tuple[Parameter, ...]:
    """The constructor's parameters, those of a base in the file where the class has none."""
    node: ast.ClassDef | None = classes[class_name]
    while node is not None:
        for statement in node.body:
            if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                return read_parameters(statement)
        names = [base.id for base in node.bases if isinstance(base, ast.Name)]
        node = next((classes[name] for name in names if name in classes), None)
    return ()


def read_parameters(function: ast.FunctionDef) -> tuple[Parameter, ...]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args][1:]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    pairs = list(zip(positional, [*defaults, *arguments.defaults]))
    pairs += list(zip(arguments.kwonlyargs, arguments.kw_defaults))
    names = [argument.arg for argument, _ in pairs]
    incoming = next((name for name in IN if name in names), None)
    outgoing = next((name for name in OUT if name in names), None)
    if incoming is None and outgoing is None:
        # A constructor with one needed argument, of whatever name, takes the channels.
        needed = [argument.arg for argument, default in pairs if default is None]
        incoming = needed[0] if len(needed) == 1 else None
    roles = {incoming: "channels", outgoing: "out"}
    return tuple(
        OwnParameter(
            name=argument.arg,
            type=ast.unparse(argument.annotation) if argument.annotation else "",
            default=None if default is None else ast.unparse(default),
            meaning="",
            role=roles.get(argument.arg),
        )
        for argument, default in pairs
    )
